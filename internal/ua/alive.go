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
	if unknown, err := l.unknown(ctx); err != nil || unknown {
		l.gone(ctx, err)
	}
}

// unknown asks the far side and reports whether it says that there is no such call.
func (l *Leg) unknown(ctx context.Context) (bool, error) {
	res, err := l.do(ctx, sip.OPTIONS, nil)
	if err != nil {
		return false, err
	}
	return res.StatusCode == 481 || res.StatusCode == 408, nil
}

// gone ends the leg of a far side that is not there; err says how that is known.
func (l *Leg) gone(ctx context.Context, err error) {
	if l.e.dead.Err() != nil {
		return
	}
	l.e.log.Info("call ended: the far side is gone", "call", l.callID, "err", err)
	l.hangup(ctx, Cause{Code: 408})
}
