package bridge

import (
	"context"

	"timbre/internal/ua"
)

// Echo speaks intro, which any key cuts short, then gives leg its own sound back,
// each packet at once, until the leg is over or ctx ends.
func Echo(ctx context.Context, leg *ua.Leg, intro []int16) error {
	return Talk(ctx, leg, func(ctx context.Context, v *Voice) error {
		_, _ = v.Play(ctx, intro, "0123456789*#ABCD") // where ctx ended the wait below does too
		v.listen(func(p *ua.Packet) { _ = leg.WritePacket(p) })
		select {
		case <-leg.Done():
		case <-ctx.Done():
		}
		return nil
	})
}
