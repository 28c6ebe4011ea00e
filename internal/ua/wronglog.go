package ua

import (
	"net/netip"
	"sync"
	"time"
)

// A wrongLog remembers of which sources it was logged that they sent wrong
// credentials, so that a guesser writes one line a minute and not one a guess. The
// zero wrongLog is ready.
type wrongLog struct {
	mu    sync.Mutex
	told  map[netip.Prefix]struct{} // guarded by mu
	since time.Time                 // when told was begun; guarded by mu
}

// maxWrong bounds the sources, and lines, of one minute.
const maxWrong = 1 << 10

// first reports whether source is to be logged now.
func (l *wrongLog) first(source netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil || now.Sub(l.since) >= time.Minute {
		l.told, l.since = map[netip.Prefix]struct{}{}, now
	}
	if _, told := l.told[source]; told || len(l.told) >= maxWrong {
		return false
	}
	l.told[source] = struct{}{}
	return true
}
