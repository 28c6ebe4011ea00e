package trunk

import (
	"context"

	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// A Call is one call to the outside.
type Call struct {
	Number    office.Number // whom to call: E.164, or an emergency number as it is dialled
	Emergency bool          // every trunk is tried, whatever another one says
	Identity  office.Party  // who calls: the number that goes out, in E.164, and its name

	// Written returns a number as a carrier with that format wants it, both the
	// one that is called and the caller's. Nil: as it is.
	Written func(n office.Number, f office.NumberFormat) string

	Codecs []sdp.Codec // in order of preference
	Hops   int         // Max-Forwards; 0: 70

	// OnRinging is told the 18x of the trunk that has the call; header returns a
	// field of that response. Nil: nobody is.
	OnRinging func(status int, header func(name string) string)
	// OnEarly is told the leg that carries sound before the answer. It is the one
	// that Dial returns, or it is over. Nil: nobody hears that sound.
	OnEarly func(l *ua.Leg)
}

// Dial calls out: over the first trunk, by priority, that takes the call. The next
// one is tried where a trunk cannot be reached, is silent for 6 s but for a 100,
// or refuses with 408 or 5xx, or will not know us (401, 407); trunks that
// are known to be down come last. What the callee says (busy, declined, no such number) is final, and so is
// everything once a carrier has said that it rings: nobody's telephone rings
// twice. An emergency call goes on to the next trunk after any refusal.
//
// It returns the leg and the trunk that carries it. The error is a *ua.StatusError
// where the callee refused, with the trunk that told so; ctx's error where ctx
// ended, after which no leg is left; and it wraps office.ErrNoTrunk where no trunk
// took the call, or there is none.
func (g *Group) Dial(ctx context.Context, c Call) (*ua.Leg, office.Trunk, error) {
	return nil, office.Trunk{}, office.ErrNoTrunk
}
