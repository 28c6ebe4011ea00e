package bridge

import (
	"context"
	"math/rand/v2"
	"time"

	"timbre/internal/media"
	"timbre/internal/ua"
)

// Ringback lets the far side of leg hear what a caller of region hears while it
// rings somewhere, until ctx ends or the leg is over. It returns ErrCodec where
// the leg's codec is not Speakable.
func Ringback(ctx context.Context, leg *ua.Leg, region string) error {
	return sing(ctx, leg, func(rate int) func(frame []int16) { return media.Ringback(region).Generator(rate).Read })
}

// Hold plays calm music to leg until ctx ends or the leg is over. It returns
// ErrCodec where the leg's codec is not Speakable.
func Hold(ctx context.Context, leg *ua.Leg) error {
	return sing(ctx, leg, func(rate int) func(frame []int16) {
		music, at := media.Hold(rate).Samples, 0
		return func(frame []int16) {
			n := copy(frame, music[at:])
			copy(frame[n:], music)
			at = (at + len(frame)) % len(music)
		}
	})
}

// sing sends an endless sound, which source makes at a given rate, packet n at
// start + n·20 ms.
func sing(ctx context.Context, leg *ua.Leg, source func(rate int) func(frame []int16)) error {
	encoder, err := media.NewEncoder(leg.Codec().Name)
	if err != nil {
		return ErrCodec
	}
	next, samples := source(encoder.Rate()), make([]int16, encoder.Rate()/int(time.Second/media.FrameTime))
	pacer := media.NewPacer(time.Now(), media.FrameTime)
	due := time.NewTimer(0)
	defer due.Stop()
	p := ua.Packet{Marker: true, SSRC: rand.Uint32()}
	for {
		n, wait := pacer.Next(time.Now())
		due.Reset(wait)
		select {
		case <-due.C:
		case <-leg.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
		next(samples)
		p.Payload = encoder.Encode(p.Payload[:0], samples)
		p.Timestamp = uint32(n) * ticks(media.FrameTime, leg.Codec().Clock)
		_ = leg.WritePacket(&p) // the end of the leg is seen above
		p.Sequence++
		p.Marker = false
	}
}
