package ua

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"
)

// silence is how long a leg may receive nothing before its far side is asked
// whether it is still there: phones lose their network without a word.
const silence = time.Minute

// watch begins to look after the leg: every silence it is looked at, asking where
// nothing has come since the last look.
func (l *Leg) watch(before uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.probe = time.AfterFunc(silence, func() {
		now := l.Stats().ReceivedPackets
		if now == before {
			l.e.spawnTalk("probe", func() { l.ask(silence / 2) })
		}
		l.watch(now)
	})
}

// ask sends OPTIONS within the dialog and ends the leg where nobody answers within
// limit, or somebody who knows nothing of the call. Any other answer is a sign of
// life; one that holds the call has nothing else to send.
func (l *Leg) ask(limit time.Duration) {
	ctx, cancel := context.WithTimeout(l.e.dead, limit)
	defer cancel()
	res, err := l.do(ctx, l.request(sip.OPTIONS))
	if err == nil && res.StatusCode != 481 && res.StatusCode != 408 || l.e.dead.Err() != nil {
		return
	}
	l.e.log.Info("call ended: the far side is gone", "call", l.callID, "err", err)
	l.hangup(ctx, Cause{Code: 408})
}
