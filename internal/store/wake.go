package store

import (
	"sync"

	"timbre/internal/office"
)

// wakes are the channels of those who follow an account. The zero value has none.
type wakes struct {
	mu sync.Mutex
	of map[office.ID]map[chan struct{}]struct{} // guarded by mu
}

// Subscribe returns a channel on which a value appears, without data, after
// each commit that changed anything of the account: rows of any type, its
// sessions or its devices. Several commits may wake once. cancel ends it.
func (s *Store) Subscribe(account office.ID) (wake <-chan struct{}, cancel func()) {
	w := &s.wakes
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[office.ID]map[chan struct{}]struct{}{}
	}
	if w.of[account] == nil {
		w.of[account] = map[chan struct{}]struct{}{}
	}
	w.of[account][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.of[account], c)
		if len(w.of[account]) == 0 {
			delete(w.of, account)
		}
	}
}

// wake wakes the followers of account; it never blocks.
func (w *wakes) wake(account office.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.of[account] {
		select {
		case c <- struct{}{}:
		default: // already awake
		}
	}
}
