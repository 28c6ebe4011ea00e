package pbx

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/bridge"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/ua"
)

// A rung is how the ringing of an extension's devices ended.
type rung struct {
	leg    *ua.Leg        // of the device that answered first; nil: none did
	device office.Device  // that one
	why    office.Outcome // where none did: NoAnswer, Busy, Declined, ToVoicemail or Canceled
	code   int            // the SIP status that said so; 0: none
}

// A try is how the ringing of one device ended.
type try struct {
	leg    *ua.Leg
	device office.Device
	err    error
}

// ring rings all devices at once until one answers, one declines for all of
// them, none is left, the caller gives up, or ctx ends, which is when the ring
// time is over. Devices that still ring then are canceled, and one that answers
// in the same moment is hung up; c.dialing waits for that. target says what is
// the same for every device.
func (c *call) ring(ctx context.Context, devices []registrar.Binding, target ua.Target) rung {
	ctx, silence := context.WithCancelCause(ctx)
	defer silence(nil)
	var (
		decided atomic.Bool // by the first answer, or by whatever ends the ringing
		rings   sync.Once
		tries   = make(chan try, len(devices))
	)
	for _, d := range devices {
		t := target
		t.URI, t.Transport, t.Addr, t.Secure = d.Contact, d.Transport, d.Source, d.Transport == "tls"
		t.OnRinging = func(int, func(string) string) {
			if !decided.Load() {
				rings.Do(c.rings)
			}
		}
		c.dialing.Go(func() {
			leg, err := c.dial(ctx, t)
			if leg != nil && !decided.CompareAndSwap(false, true) {
				bridge.Hangup(ctx, leg)
				return
			}
			tries <- try{leg, d.Device, err}
		})
	}
	end := rung{why: office.NoAnswer}
	canceled, over := c.in.Canceled(), ctx.Done()
	for left := len(devices); left > 0; {
		select {
		case t := <-tries:
			if t.leg != nil {
				silence(ua.ErrElsewhere)
				return rung{leg: t.leg, device: t.device}
			}
			left--
			end.hears(t.err)
			if end.why != office.Declined && end.why != office.ToVoicemail {
				continue
			}
		case <-canceled:
			end, canceled = rung{why: office.Canceled, code: 487}, nil
		case <-over: // it rang, so that no busy device counts
			end, over = rung{why: office.NoAnswer}, nil
		}
		if decided.CompareAndSwap(false, true) {
			break // else the winner is on its way through tries
		}
	}
	return end
}

// returnTime is how long a device that loses its connection while it rings may
// take to register again.
const returnTime = 3 * time.Second

// ringOn rings the devices of ext like ring, and those that come back where the
// connections of all that rang are broken.
func (c *call) ringOn(ctx context.Context, ext office.Number, devices []registrar.Binding, target ua.Target) rung {
	for {
		r := c.ring(ctx, devices, target)
		if r.why != office.NoAnswer {
			return r
		}
		returned, canceled := c.returned(ctx, ext, devices)
		if canceled {
			return rung{why: office.Canceled, code: 487}
		}
		if len(returned) == 0 {
			return r
		}
		devices = returned
	}
}

// returned waits for new bindings of ext where one of those that rang went with
// its connection. It returns none where none did, or none comes in time.
func (c *call) returned(ctx context.Context, ext office.Number, rang []registrar.Binding) (fresh []registrar.Binding, canceled bool) {
	ctx, stop := context.WithTimeout(ctx, returnTime)
	defer stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for ctx.Err() == nil {
		bound := c.devices(ctx, ext)
		if !slices.ContainsFunc(without(rang, bound), func(b registrar.Binding) bool { return b.Transport != "udp" }) {
			return nil, false
		}
		if fresh = without(bound, rang); len(fresh) > 0 {
			return fresh, false
		}
		select {
		case <-look.C:
		case <-c.in.Canceled():
			return nil, true
		case <-ctx.Done():
		}
	}
	return nil, false
}

// without returns the bindings in a for which there is none in b at the same
// place.
func without(a, b []registrar.Binding) []registrar.Binding {
	return slices.DeleteFunc(slices.Clone(a), func(x registrar.Binding) bool {
		return slices.ContainsFunc(b, func(y registrar.Binding) bool { return x.Contact == y.Contact && x.Source == y.Source })
	})
}

// hears weighs why one device did not answer: what a person did counts for more
// than what a telephone says.
func (r *rung) hears(err error) {
	var refused *ua.StatusError
	if !errors.As(err, &refused) {
		return // it rang in vain
	}
	why := office.NoAnswer
	switch {
	case refused.Code == 603:
		why = office.Declined
	case refused.Code/100 == 3: // to voicemail; no telephone sends a caller anywhere else
		why = office.ToVoicemail
	case refused.Code == 486 || refused.Code == 600:
		why = office.Busy
	}
	if r.code == 0 || weight(why) > weight(r.why) {
		r.why, r.code = why, refused.Code
	}
}

// weight orders the reasons why devices did not answer.
func weight(why office.Outcome) int {
	switch why {
	case office.Declined, office.ToVoicemail:
		return 2
	case office.Busy:
		return 1
	}
	return 0
}

// dial rings one device. A panic on the way is an error like any other.
func (c *call) dial(ctx context.Context, t ua.Target) (leg *ua.Leg, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("panic while ringing", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("ringing: panic: %v", r)
		}
	}()
	return c.pbx.endpoint.Dial(ctx, t)
}
