package api

import (
	"slices"
	"sync"

	"timbre/internal/office"
)

// maxStreams is how many event streams a session may have open.
const maxStreams = 5

// streams are the open event streams of all sessions. One too many ends the
// oldest of its session: that is most likely the one whose connection broke
// unnoticed. It is safe for concurrent use.
type streams struct {
	mu      sync.Mutex
	closed  bool                          // guarded by mu: nothing may be opened any more
	of      map[office.ID][]chan struct{} // guarded by mu; by session, oldest first; closed to end one
	running sync.WaitGroup
}

func newStreams() *streams { return &streams{of: map[office.ID][]chan struct{}{}} }

// open enters a stream of the session. It returns a channel that is closed when
// the stream must end, and a function to call when it has.
func (s *streams) open(session office.ID) (end <-chan struct{}, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream := make(chan struct{})
	if s.closed {
		close(stream)
		return stream, func() {}
	}
	if all := s.of[session]; len(all) >= maxStreams {
		close(all[0])
		s.of[session] = slices.Clone(all[1:])
	}
	s.of[session] = append(s.of[session], stream)
	s.running.Add(1)
	return stream, func() {
		defer s.running.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := slices.Index(s.of[session], stream); i >= 0 {
			s.of[session] = slices.Delete(s.of[session], i, i+1)
		}
		if len(s.of[session]) == 0 {
			delete(s.of, session)
		}
	}
}

// endAll ends all streams and lets no new ones in.
func (s *streams) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, all := range s.of {
		for _, stream := range all {
			close(stream)
		}
	}
	clear(s.of)
}

// wait returns when all streams have ended.
func (s *streams) wait() { s.running.Wait() }

// count returns how many are open.
func (s *streams) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.of {
		n += len(all)
	}
	return n
}
