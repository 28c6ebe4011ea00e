package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	maxQueue     = 16 // how many may wait for the hash, in each lane
	maxOfNetwork = 2  // how many of one network may hash or wait, but for friends
)

// A lane is where one waits for the hash; nobody can fill that of others.
type lane int

const (
	friends   lane = iota // who has been in before
	strangers             // who has not
	guessers              // strangers who failed lately, at whatever
	lanes
)

// A hasher runs argon2id once at a time, as each run holds 19 MiB and a core.
type hasher struct {
	turns  [lanes]chan struct{} // each holds a value while somebody of its lane, or behind it, hashes or waits for the turn before
	places [lanes]chan struct{} // a value for each who hashes or waits

	mu sync.Mutex
	of map[netip.Prefix]int // guarded by mu; how many of a network hash or wait; no zero entries
}

func newHasher() *hasher {
	h := &hasher{of: map[netip.Prefix]int{}}
	for i := range lanes {
		h.turns[i], h.places[i] = make(chan struct{}, 1), make(chan struct{}, maxQueue+1)
	}
	return h
}

// do runs f when it is its turn. Those of a lane wait for each other first, so that
// one of a better lane waits for one of them at most, however many there are. A
// *TooMany says that the lane is full, or that others of the network from (the zero
// one: it is not counted) hold what it may have.
func (h *hasher) do(ctx context.Context, l lane, from netip.Prefix, f func() error) error {
	if l != friends && from.IsValid() {
		if !h.enter(from) {
			return &TooMany{RetryAfter: time.Second}
		}
		defer h.leave(from)
	}
	select {
	case h.places[l] <- struct{}{}:
		defer func() { <-h.places[l] }()
	default:
		return &TooMany{RetryAfter: time.Second}
	}
	for i := l; i >= friends; i-- {
		select {
		case h.turns[i] <- struct{}{}:
			defer func() { <-h.turns[i] }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f()
}

// enter gives one of a network a place and returns true, or false where that has
// enough.
func (h *hasher) enter(from netip.Prefix) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[from] >= maxOfNetwork {
		return false
	}
	h.of[from]++
	return true
}

func (h *hasher) leave(from netip.Prefix) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[from]--; h.of[from] == 0 {
		delete(h.of, from)
	}
}
