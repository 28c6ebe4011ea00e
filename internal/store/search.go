package store

import (
	"context"
	"sync"
	"time"

	"timbre/internal/office"
)

// Limits of a search for text, which reads every row of an account.
const (
	maxSearches = 2                // at once, of the readers of the database: the others serve everybody
	searchTime  = 5 * time.Second  // to search
	searchWait  = 10 * time.Second // to wait for the turn
	maxWords    = 16               // of a text that count, as many as at the client
)

// Searches take turns: one of each account at a time, so that nobody who searches
// much keeps the others from it, and few in all. The zero value is ready; it is safe
// for concurrent use.
type searches struct {
	mu   sync.Mutex
	of   map[office.ID]*searcher // guarded by mu; those with a search
	once sync.Once
	all  chan struct{} // a value for each search that runs
}

// A searcher is an account that searches.
type searcher struct {
	turn chan struct{} // holds a value while it has its turn, or waits for one among all
	n    int           // searches that run or wait; guarded by the mu of the searches
}

// do runs search when it is the turn of account. office.ErrUnavailable: that did not
// come in time, or the search took too long and was stopped.
func (s *searches) do(ctx context.Context, account office.ID, search func(context.Context) error) error {
	s.once.Do(func() { s.all = make(chan struct{}, maxSearches) })
	one := s.enter(account)
	defer s.leave(account)
	patience := time.NewTimer(searchWait)
	defer patience.Stop()
	for _, turn := range []chan struct{}{one.turn, s.all} {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-patience.C:
			return office.ErrUnavailable
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	bounded, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	err := search(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil { // each database calls it by another name
		return office.ErrUnavailable
	}
	return err
}

func (s *searches) enter(account office.ID) *searcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[office.ID]*searcher{}
	}
	one := s.of[account]
	if one == nil {
		one = &searcher{turn: make(chan struct{}, 1)}
		s.of[account] = one
	}
	one.n++
	return one
}

func (s *searches) leave(account office.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[account].n--; s.of[account].n == 0 {
		delete(s.of, account)
	}
}
