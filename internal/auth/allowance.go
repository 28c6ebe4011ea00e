package auth

import (
	"sync"
	"time"
)

// An allowance lets each key fail so often at once, and then once every so often.
// The caller passes the time. It is safe for concurrent use.
type allowance[K comparable] struct {
	most  int
	every time.Duration

	mu    sync.Mutex
	clean map[K]time.Time // guarded by mu; when all failures of the key are made up for
}

func newAllowance[K comparable](most int, every time.Duration) *allowance[K] {
	return &allowance[K]{most: most, every: every, clean: map[K]time.Time{}}
}

// wait returns how long it is until k may fail once more and could still fail kept
// times at once; zero if it may now.
func (a *allowance[K]) wait(k K, kept int, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := max(a.clean[k].Sub(now), 0) // of a clean key: long ago
	return max(due-time.Duration(a.most-kept-1)*a.every, 0)
}

// fail notes a failure of k.
func (a *allowance[K]) fail(k K, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clean, ok := a.clean[k]
	if !ok && len(a.clean) >= maxKeys {
		a.makeRoom(now)
	}
	if clean.Before(now) {
		clean = now
	}
	a.clean[k] = clean.Add(a.every)
}

// makeRoom drops the clean keys, or the one that is clean first if none is. The
// caller holds mu.
func (a *allowance[K]) makeRoom(now time.Time) {
	var least K
	var first time.Time
	for k, clean := range a.clean {
		if clean.Before(now) {
			delete(a.clean, k)
		} else if first.IsZero() || clean.Before(first) {
			least, first = k, clean
		}
	}
	if len(a.clean) >= maxKeys {
		delete(a.clean, least)
	}
}

// clearIf forgets the failures of the keys that match.
func (a *allowance[K]) clearIf(match func(K) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range a.clean {
		if match(k) {
			delete(a.clean, k)
		}
	}
}
