package store

import (
	"sync"

	"timbre/internal/office"
)

// wakes are the channels of those who follow an account, or one thing without a
// name. The zero value has none.
type wakes struct {
	mu sync.Mutex
	of map[office.ID]map[chan struct{}]Type // and of which type they are told; empty: of all; guarded by mu
}

// Subscribe returns a channel on which a value appears, without data, after
// each commit that changed anything of the account: rows of any type, its
// sessions or its devices. Several commits may wake once. cancel ends it.
func (s *Store) Subscribe(account office.ID) (wake <-chan struct{}, cancel func()) {
	return s.wakes.follow(account, "")
}

// SubscribeType is Subscribe for rows of one type: commits that changed rows of other
// types alone do not wake.
func (s *Store) SubscribeType(account office.ID, t Type) (wake <-chan struct{}, cancel func()) {
	return s.wakes.follow(account, t)
}

// Members returns a channel on which a value appears, without data, after each
// commit that Generation counts. Several commits may wake once. cancel ends it.
func (s *Store) Members() (wake <-chan struct{}, cancel func()) {
	return s.members.follow("", "")
}

// Configured returns a channel on which a value appears, without data, after
// each commit that changed a trunk, a line, the mailing or the company. Several
// commits may wake once. cancel ends it.
func (s *Store) Configured() (wake <-chan struct{}, cancel func()) {
	return s.configured.follow("", "")
}

// Available returns a channel on which a value appears, without data, after each
// commit that changed anybody's availability. Several commits may wake once.
// cancel ends it.
func (s *Store) Available() (wake <-chan struct{}, cancel func()) {
	return s.available.follow("", "")
}

// Mailed returns a channel on which a value appears, without data, after each
// commit that added mail to send. Several commits may wake once. cancel ends it.
func (s *Store) Mailed() (wake <-chan struct{}, cancel func()) {
	return s.mailed.follow("", "")
}

// Listed returns a channel on which a value appears, without data, after each
// commit that changed the directory. Several commits may wake once. cancel ends
// it.
func (s *Store) Listed() (wake <-chan struct{}, cancel func()) {
	return s.wakes.follow(directory, "")
}

// follow returns a channel on which wake(what) puts a value, where t is not empty only
// for that type.
func (w *wakes) follow(what office.ID, t Type) (wake <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[office.ID]map[chan struct{}]Type{}
	}
	if w.of[what] == nil {
		w.of[what] = map[chan struct{}]Type{}
	}
	w.of[what][c] = t
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.of[what], c)
		if len(w.of[what]) == 0 {
			delete(w.of, what)
		}
	}
}

// wake wakes the followers of what whom a change of type t concerns; empty: all. It
// never blocks.
func (w *wakes) wake(what office.ID, t Type) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rouse(w.of[what], t)
}

// wakeAll is wake for the followers of everything.
func (w *wakes) wakeAll(t Type) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, followers := range w.of {
		rouse(followers, t)
	}
}

func rouse(followers map[chan struct{}]Type, t Type) {
	for c, wanted := range followers {
		if wanted != "" && t != "" && wanted != t {
			continue
		}
		select {
		case c <- struct{}{}:
		default: // already awake
		}
	}
}
