package ua

import (
	"sync"
	"time"
)

// A nonceLog remembers which counts of which nonces were used, so that nobody can
// use what he overheard. It forgets a nonce only when it is too old to be
// accepted, or else stops accepting it: its memory is bounded by maxNonces. The
// zero nonceLog is ready.
type nonceLog struct {
	mu     sync.Mutex
	recent map[string]*nonceUse // guarded by mu
	older  map[string]*nonceUse // the recent of before; guarded by mu
	turned time.Time            // when recent was begun; guarded by mu
	floor  time.Time            // nonces made before are not accepted; guarded by mu
}

// A nonceUse is the window of counts below the highest one used.
type nonceUse struct {
	highest uint64
	seen    uint64 // bit i: highest-i was used
}

const maxNonces = 1 << 16

// take notes the use of count with nonce, made at made. It reports false where it
// was used, or cannot be told.
func (l *nonceLog) take(nonce string, made time.Time, count uint64, now time.Time) bool {
	if count == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	if made.Before(l.floor) {
		return false
	}
	u := l.recent[nonce]
	if u == nil {
		if u = l.older[nonce]; u == nil {
			u = &nonceUse{}
		}
		l.recent[nonce] = u
	}
	return u.take(count)
}

// turn forgets the older half when its time, or the memory, is over.
func (l *nonceLog) turn(now time.Time) {
	switch {
	case l.recent == nil:
		l.recent, l.turned = map[string]*nonceUse{}, now
	case now.Sub(l.turned) > nonceTime: // nobody in older can be valid at the next turn
		l.older, l.recent, l.turned = l.recent, map[string]*nonceUse{}, now
	case len(l.recent) >= maxNonces:
		if len(l.older) > 0 { // they may still be valid: whatever is as old no longer is
			l.floor = l.turned
		}
		l.older, l.recent, l.turned = l.recent, map[string]*nonceUse{}, now
	}
}

func (u *nonceUse) take(count uint64) bool {
	switch {
	case count > u.highest:
		if shift := count - u.highest; shift < 64 {
			u.seen <<= shift
		} else {
			u.seen = 0
		}
		u.highest = count
		u.seen |= 1
		return true
	case u.highest-count >= 64:
		return false
	}
	bit := uint64(1) << (u.highest - count)
	if u.seen&bit != 0 {
		return false
	}
	u.seen |= bit
	return true
}
