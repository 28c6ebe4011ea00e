package trunk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// How long a carrier may be silent before the call is given up.
const (
	// muteTime is how long it may say nothing at all. A request over UDP has been
	// sent four times by then.
	muteTime = 4 * time.Second
	// deadTime is the same where the trunk was known to be down: three times.
	deadTime = 2 * time.Second
	// silenceTime is how long it may say no more than 100 where another one is up.
	silenceTime = 6 * time.Second
	// helpTime is the same for an emergency where none is: who needs help must
	// hear soon that there is none this way.
	helpTime = 10 * time.Second
	// slowTime is the same for all others. A call abroad may take its time.
	slowTime = 20 * time.Second
)

// errSilent is why a call over a silent carrier is given up.
var errSilent = errors.New("the carrier is silent")

// A Call is one call to the outside.
type Call struct {
	Number    office.Number // whom to call: E.164, or an emergency number as it is dialled
	Emergency bool          // every trunk is tried, whatever another one says
	Identity  office.Party  // who calls: the number that goes out, in E.164, and its name

	// Written returns a number as a carrier with that format wants it, both the
	// one that is called and the caller's. Nil: as it is.
	Written func(n office.Number, f office.NumberFormat) string

	Codecs    []sdp.Codec    // in order of preference
	Diversion []ua.Diversion // from whom the call was diverted, the last first
	Hops      int            // Max-Forwards; 0: 70

	// OnRinging is told the 18x of the trunk that has the call; header returns a
	// field of that response. Nil: nobody is.
	OnRinging func(status int, header func(name string) string)
	// OnEarly is told the leg that carries sound before the answer. It is the one
	// that Dial returns, or it is over. Nil: nobody hears that sound.
	OnEarly func(l *ua.Leg)
}

// Dial calls out: over the first trunk, by priority, that takes the call. The next
// one is tried where a trunk cannot be reached, refuses with 408 or 5xx, will not
// know us (401, 407), or is silent: for 4 s, 2 s where it was known to be down, or
// with a 100 for 6 s while another one is up, else for 10 s in an emergency and 20 s
// otherwise. Trunks that are known to be down come last. What the callee says (busy,
// declined, no such number) is final, and so is everything once a carrier has said
// that it rings: nobody's telephone rings twice. An emergency call goes on to the
// next trunk after any refusal.
//
// It returns the leg and the trunk that carries it; with an error, the trunk that
// was tried last. The error is a *ua.StatusError where the callee refused; ctx's
// error where ctx ended, after which no leg is left; and it wraps office.ErrNoTrunk
// where no trunk took the call, or there is none, and the *ua.StatusError of the
// last one.
func (g *Group) Dial(ctx context.Context, call Call) (*ua.Leg, office.Trunk, error) {
	err := error(office.ErrNoTrunk)
	var used office.Trunk
	carriers := g.order()
	for i, c := range carriers {
		var leg *ua.Leg
		var rang bool
		used = c.trunk
		leg, rang, err = g.try(ctx, c, call, i+1 < len(carriers) && g.stateOf(carriers[i+1]).Up())
		switch {
		case err == nil:
			return leg, used, nil
		case ctx.Err() != nil:
			return nil, used, ctx.Err()
		case !call.Emergency && (rang || !carriersOwn(err)):
			return nil, used, err
		}
		g.log.Info("trunk did not take the call", "trunk", used.Name, "err", err)
		err = fmt.Errorf("%w: %w", office.ErrNoTrunk, err)
	}
	return nil, used, err
}

// order returns the carriers as they are to be tried.
func (g *Group) order() []*carrier {
	g.mu.Lock()
	defer g.mu.Unlock()
	var up, down []*carrier
	for _, c := range g.carriers {
		if c.state.Up() {
			up = append(up, c)
		} else {
			down = append(down, c)
		}
	}
	return append(up, down...)
}

// carriersOwn reports whether err is the carrier's failure and not the callee's
// refusal.
func carriersOwn(err error) bool {
	var refused *ua.StatusError
	if !errors.As(err, &refused) {
		return true
	}
	switch code := refused.Code; code {
	case 401, 407, 408:
		return true
	default:
		return code >= 500 && code < 600
	}
}

// patience returns how long the carrier of c may say nothing, and no more than 100,
// to call; another: the next one is up.
func (g *Group) patience(c *carrier, call Call, another bool) (mute, silent time.Duration) {
	mute = deadTime
	if g.stateOf(c).Up() {
		mute = muteTime
	}
	switch {
	case another:
		return mute, silenceTime
	case call.Emergency:
		return mute, helpTime
	}
	return mute, slowTime
}

// try calls over c until the carrier is silent for too long; another: the next one
// is up. rang says that the carrier has told that it rings.
func (g *Group) try(ctx context.Context, c *carrier, call Call, another bool) (leg *ua.Leg, rang bool, err error) {
	limited, giveUp := context.WithCancel(ctx)
	defer giveUp()
	a := &attempt{call: call}
	after := func(limit time.Duration, over func() bool) *time.Timer {
		return time.AfterFunc(limit, func() {
			if over() {
				giveUp()
			}
		})
	}
	mute, silent := g.patience(c, call, another)
	defer after(mute, a.mute).Stop()
	defer after(silent, a.silent).Stop()
	leg, err = g.invite(limited, c, a)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, a.rang(), ctx.Err()
	case limited.Err() != nil:
		err = fmt.Errorf("%w: %w", errSilent, &ua.StatusError{Code: 408, Reason: "No Response"})
	}
	var status *ua.StatusError
	refused := errors.As(err, &status) && status.Code != 408 && status.Code != 503
	g.called(c, err == nil || refused || a.rang(), err)
	return leg, a.rang(), err
}

// invite calls over c.
func (g *Group) invite(ctx context.Context, c *carrier, a *attempt) (*ua.Leg, error) {
	if !g.addr(c).IsValid() { // it has just been added
		if err := g.resolve(ctx, c); err != nil {
			return nil, err
		}
	}
	call := a.call
	t := g.target(c, call.written(call.Number, c.trunk.Format))
	t.Identity = office.Party{Number: office.Number(call.written(call.Identity.Number, c.trunk.Format)), Name: call.Identity.Name}
	t.From = t.Identity
	t.Codecs, t.Diversion, t.Hops, t.Auth = call.Codecs, call.Diversion, call.Hops, g.credentials(c)
	t.OnTrying, t.OnRinging, t.OnEarly = a.trying, a.ringing, a.early
	return g.cfg.Endpoint.Dial(ctx, t)
}

// written returns n as a carrier with format f wants it.
func (call Call) written(n office.Number, f office.NumberFormat) string {
	if call.Written == nil || n == "" {
		return string(n)
	}
	return call.Written(n, f)
}

// An attempt is one call over one trunk until it is answered or not: either it
// rings or it is given up for silence, whichever is first.
type attempt struct {
	call Call

	mu    sync.Mutex
	heard bool // guarded by mu; the carrier has said something
	rung  bool // guarded by mu; the carrier has said more than 100
	ended bool // guarded by mu; given up
}

// mute gives the attempt up; false where the carrier has said something.
func (a *attempt) mute() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = a.ended || !a.heard
	return a.ended
}

// silent gives the attempt up; false where it has rung.
func (a *attempt) silent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = a.ended || !a.rung
	return a.ended
}

// ring notes that the carrier rings; false where that is too late.
func (a *attempt) ring() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard, a.rung = true, !a.ended
	return a.rung
}

// trying notes that the carrier is there.
func (a *attempt) trying() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = true
}

func (a *attempt) rang() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rung
}

func (a *attempt) ringing(status int, header func(string) string) {
	if a.ring() && a.call.OnRinging != nil {
		a.call.OnRinging(status, header)
	}
}

func (a *attempt) early(l *ua.Leg) {
	if a.ring() && a.call.OnEarly != nil {
		a.call.OnEarly(l)
	}
}
