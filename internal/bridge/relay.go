package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"timbre/internal/ua"
)

// ErrSilent means that both legs of a call sent nothing for so long that they
// must have gone without a word.
var ErrSilent = errors.New("no sound from either side")

// silentTime is that long: a call on hold is silent on both sides.
const silentTime = 30 * time.Minute

// Relay carries sound and telephone events between a and b until one of them is
// over or ctx ends, hangs up the other, and returns when both are over and
// nothing is carried any more. Each packet goes out as it comes in, at once and
// in the order of arrival; PCMA and PCMU are translated into each other. It
// returns ErrCodec for any other pair of different codecs and ErrSilent where
// both sides have gone; then too the legs are hung up.
func Relay(ctx context.Context, a, b *ua.Leg) error {
	var carriers sync.WaitGroup
	there, err := translation(a, b)
	if err == nil {
		back, _ := translation(b, a) // what goes there comes back
		broken := make(chan error, 2)
		carriers.Go(func() { broken <- guarded(func() { carry(a, b, there) }) })
		carriers.Go(func() { broken <- guarded(func() { carry(b, a, back) }) })
		err = attend(ctx, a, b, broken)
	}
	Hangup(ctx, a)
	Hangup(ctx, b)
	carriers.Wait()
	return err
}

// A translate rewrites the sound of a packet in place; nil leaves it alone.
type translate func(payload []byte)

// translation returns what must be done to the sound that goes from one leg to
// another.
func translation(from, to *ua.Leg) (translate, error) {
	f, t := from.Codec(), to.Codec()
	if f.Is(t) {
		return nil, nil
	}
	law, ok := lawOf(from)
	if _, both := lawOf(to); !ok || !both {
		return nil, ErrCodec
	}
	return func(payload []byte) { law.Transcode(payload, payload) }, nil
}

// carry hands every packet of from to to, until from is over.
func carry(from, to *ua.Leg, t translate) {
	var p ua.Packet
	for from.ReadPacket(&p) == nil {
		if t != nil && !p.Event {
			t(p.Payload)
		}
		_ = to.WritePacket(&p) // a lost packet is no reason to lose the call
	}
}

// attend waits until the call of a and b has to end, and returns nil where one
// of them hung up.
func attend(ctx context.Context, a, b *ua.Leg, broken <-chan error) error {
	look := time.NewTicker(silentTime)
	defer look.Stop()
	received := func() uint64 { return a.Stats().ReceivedPackets + b.Stats().ReceivedPackets }
	for last := received(); ; {
		select {
		case <-a.Done():
			return nil
		case <-b.Done():
			return nil
		case <-ctx.Done():
			return nil
		case err := <-broken: // nil: that leg is over
			return err
		case <-look.C:
			now := received()
			if now == last {
				return ErrSilent
			}
			last = now
		}
	}
}
