package pbx

import (
	"context"

	"timbre/internal/bridge"
	"timbre/internal/ua"
)

// A report tells a telephone how its transfer goes, beside the call: some take their
// time to hear of it, some do not want to, and nobody else shall wait for that. It is
// used by the goroutine of the call. One that is not ended ends with the call.
type report struct {
	c     *call
	of    *party
	codes chan int // capacity 1: the newest status, negative: and then it is hung up
}

// reports begins to tell a telephone of its transfer r, which was accepted.
func (c *call) reports(ctx context.Context, of *party, r *ua.Refer) *report {
	t := &report{c: c, of: of, codes: make(chan int, 1)}
	c.dialing.Go(func() {
		defer c.recovers("telling of a transfer", func() { bridge.Hangup(ctx, of.leg) })
		t.run(ctx, r)
	})
	return t
}

// run tells until that is over.
func (t *report) run(ctx context.Context, r *ua.Refer) {
	for {
		var code int
		select {
		case code = <-t.codes:
		case <-t.c.over:
			select {
			case code = <-t.codes:
			default:
				return
			}
		}
		if err := r.Progress(max(code, -code)); err != nil {
			t.c.log.Debug("transfer not told", "code", code, "err", err)
		}
		switch {
		case code < 0:
			bridge.Hangup(ctx, t.of.leg)
			return
		case code >= 200:
			return
		}
	}
}

// tells tells a status, 200 and more as the last. One that has not been told yet is
// left out.
func (t *report) tells(code int) {
	select {
	case <-t.codes:
	default:
	}
	t.codes <- code
}

// leaves tells the last status and ends the part that the telephone had in the call.
func (t *report) leaves(ctx context.Context, code int) {
	t.c.drop(ctx, t.of)
	t.tells(-code)
}
