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

// Join carries sound and keys between a and b until one of them is over or ctx
// ends. It hangs up neither, and when it returns nothing is carried any more and
// nobody listens to the legs. Packets go out as they come in, at once and in the
// order of arrival; between different codecs the sound is transcoded. Keys pass
// between telephone events and INFO, each once.
//
// It returns nil where a leg is over or ctx ended, ErrSilent where both sides have
// gone, and ErrCodec at once where one has a codec that is not Speakable and the
// other has another.
func Join(ctx context.Context, a, b *ua.Leg) error {
	there, err := newCarrier(a, b)
	if err != nil {
		return err
	}
	back, err := newCarrier(b, a)
	if err != nil {
		return err
	}
	there.forget()
	back.forget()
	ctx, stop := context.WithCancel(ctx)
	var pressing sync.WaitGroup
	pressing.Go(func() { there.press(ctx) })
	pressing.Go(func() { back.press(ctx) })
	there.listen()
	back.listen()
	err = attend(ctx, a, b)
	a.Listen(nil)
	b.Listen(nil)
	stop()
	pressing.Wait()
	return err
}

// attend waits until the call of a and b has to end, and returns nil where one
// of them hung up.
func attend(ctx context.Context, a, b *ua.Leg) error {
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
		case <-look.C:
			now := received()
			if now == last {
				return ErrSilent
			}
			last = now
		}
	}
}
