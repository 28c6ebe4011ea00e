package auth

import (
	"sync"
	"time"
)

// maxKeys bounds the memory of a backoff and of a memory.
const maxKeys = 10_000

// forget is after how long without a failure a key is clean again.
const forget = time.Hour

// A backoff makes who fails again and again wait, twice as long each time. The
// caller passes the time. It is safe for concurrent use.
type backoff[K comparable] struct {
	free      int // failures without a wait
	base, max time.Duration

	mu    sync.Mutex
	tries map[K]tries // guarded by mu
}

type tries struct {
	failures    int
	last, until time.Time
}

func newBackoff[K comparable](free int, base, max time.Duration) *backoff[K] {
	return &backoff[K]{free: free, base: base, max: max, tries: map[K]tries{}}
}

// wait returns how long k must still wait; zero if it need not.
func (b *backoff[K]) wait(k K, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.tries[k].until.Sub(now), 0)
}

// failed reports whether k failed lately.
func (b *backoff[K]) failed(k K, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.tries[k]
	return ok && now.Sub(t.last) <= forget
}

// fail notes a failure of k.
func (b *backoff[K]) fail(k K, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.tries[k]
	if !ok && len(b.tries) >= maxKeys {
		b.makeRoom(now)
	}
	if now.Sub(t.last) > forget {
		t = tries{}
	}
	t.failures++
	t.last = now
	if over := t.failures - b.free; over > 0 {
		t.until = now.Add(min(b.base<<min(over-1, 20), b.max))
	}
	b.tries[k] = t
}

// makeRoom drops the clean keys, or the one that waits least if none is. The
// caller holds mu.
func (b *backoff[K]) makeRoom(now time.Time) {
	var least K
	var first time.Time
	found := false
	for k, t := range b.tries {
		if now.Sub(t.last) > forget {
			delete(b.tries, k)
		} else if !found || t.until.Before(first) || t.until.Equal(first) && t.last.Before(b.tries[least].last) {
			least, first, found = k, t.until, true
		}
	}
	if len(b.tries) >= maxKeys {
		delete(b.tries, least)
	}
}

// clear forgets the failures of k.
func (b *backoff[K]) clear(k K) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tries, k)
}

// A memory remembers who has been in. It is safe for concurrent use.
type memory[K comparable] struct {
	mu   sync.Mutex
	seen map[K]struct{} // guarded by mu
}

func newMemory[K comparable]() *memory[K] { return &memory[K]{seen: map[K]struct{}{}} }

// add remembers k; a full memory forgets somebody.
func (m *memory[K]) add(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.seen[k]; !ok && len(m.seen) >= maxKeys {
		for old := range m.seen {
			delete(m.seen, old)
			break
		}
	}
	m.seen[k] = struct{}{}
}

func (m *memory[K]) has(k K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.seen[k]
	return ok
}
