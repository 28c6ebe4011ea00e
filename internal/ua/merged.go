package ua

import (
	"sync"
	"time"
)

// A mergeLog remembers the INVITEs that began a call, for longer than what repeats
// them or their answers can be on its way: after a short call the transaction that
// would absorb it is gone. The zero mergeLog is ready.
type mergeLog struct {
	mu     sync.Mutex
	recent map[string]struct{} // guarded by mu
	older  map[string]struct{} // the recent of before; guarded by mu
	turned time.Time           // when recent was begun; guarded by mu
}

// The bounds of a mergeLog.
const (
	mergeTime = 64 * time.Second
	maxMerged = 1 << 15
)

// first notes the INVITE key and reports whether it is the first.
func (l *mergeLog) first(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recent == nil || now.Sub(l.turned) > mergeTime || len(l.recent) >= maxMerged {
		l.older, l.recent, l.turned = l.recent, map[string]struct{}{}, now
	}
	seen := l.known(key)
	l.recent[key] = struct{}{}
	return !seen
}

// has reports whether key was noted, and not long ago.
func (l *mergeLog) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known(key)
}

// known is has; mu must be locked.
func (l *mergeLog) known(key string) bool {
	if _, seen := l.recent[key]; seen {
		return true
	}
	_, seen := l.older[key]
	return seen
}
