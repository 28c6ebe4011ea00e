package bridge

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/ua"
)

// Rate is the number of samples a second of what a Voice speaks and hears.
const Rate = 8000

// How much sound a packet of ours holds.
const (
	ptime = 20 * time.Millisecond
	frame = int(ptime * Rate / time.Second) // samples
)

// A Voice is the server's own voice and ear on one leg. Talk makes it. Play is
// used by one goroutine at a time.
type Voice struct {
	leg *ua.Leg
	law media.Law

	mu   sync.Mutex
	take func(p *ua.Packet) // guarded by mu; nil: what arrives is dropped
}

// Talk holds a dialogue with leg and then hangs up; it returns the dialogue's
// error when the leg is over. What arrives is read all the while, so that the
// dialogue hears nothing old when it begins to listen. A leg that is neither
// PCMA nor PCMU is hung up with ErrCodec.
func Talk(ctx context.Context, leg *ua.Leg, dialogue func(ctx context.Context, v *Voice) error) error {
	law, ok := lawOf(leg)
	if !ok {
		Hangup(ctx, leg)
		return ErrCodec
	}
	v := &Voice{leg: leg, law: law}
	var reader sync.WaitGroup
	var deaf error
	reader.Go(func() {
		if deaf = guarded(v.read); deaf != nil {
			Hangup(ctx, leg)
		}
	})
	var err error
	panicked := guarded(func() { err = dialogue(ctx, v) })
	Hangup(ctx, leg)
	reader.Wait()
	for _, e := range []error{panicked, err, deaf} {
		if e != nil {
			return e
		}
	}
	return nil
}

// read gives what arrives to whoever listens, until the leg is over.
func (v *Voice) read() {
	var p ua.Packet
	for v.leg.ReadPacket(&p) == nil {
		if p.Event {
			continue
		}
		v.handle(&p)
	}
}

// handle gives one packet to whoever listens.
func (v *Voice) handle(p *ua.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.take != nil {
		v.take(p)
	}
}

// listen gives every packet from now on to take; nil to nobody.
func (v *Voice) listen(take func(p *ua.Packet)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.take = take
}

// Listen hands everything that arrives from now on to hear, as samples at Rate
// with silence where nothing came; hear must not keep the slice. nil stops it,
// and hear is not running any more when Listen returns.
func (v *Voice) Listen(hear func(samples []int16)) {
	if hear == nil {
		v.listen(nil)
		return
	}
	e := ear{law: v.law, hear: hear}
	v.listen(e.take)
}

// Digits brings the keys that the caller presses; it is closed when the leg is
// over.
func (v *Voice) Digits() <-chan rune { return v.leg.Digits() }

// Done is closed when the leg is over.
func (v *Voice) Done() <-chan struct{} { return v.leg.Done() }

// Play speaks samples in real time: packet n is due at start + n·20 ms, one that
// is too late for its turn is left out. It returns when all have been sent, when
// the leg is over, or with ctx's error when ctx ends; and with the key as soon
// as the caller presses one of those in stop.
func (v *Voice) Play(ctx context.Context, samples []int16, stop string) (key rune, err error) {
	pacer := media.NewPacer(time.Now(), ptime)
	due := time.NewTimer(0)
	defer due.Stop()
	p := ua.Packet{SSRC: rand.Uint32(), Payload: make([]byte, frame)}
	for {
		n, wait := pacer.Next(time.Now())
		from := int(n) * frame
		if from >= len(samples) {
			return 0, nil
		}
		due.Reset(wait)
		if over, key, err := v.await(ctx, due.C, stop); over {
			return key, err
		}
		p.Marker = p.Sequence == 0
		p.Timestamp = uint32(from)
		for i := v.law.Encode(p.Payload, samples[from:]); i < frame; i++ {
			p.Payload[i] = v.law.Silence()
		}
		_ = v.leg.WritePacket(&p) // the end of the leg is seen by await
		p.Sequence++
	}
}

// await waits for due; over is true where something ends the speech before.
func (v *Voice) await(ctx context.Context, due <-chan time.Time, stop string) (over bool, key rune, err error) {
	digits := v.leg.Digits()
	if stop == "" {
		digits = nil
	}
	for {
		select {
		case <-due:
			return false, 0, nil
		case key, ok := <-digits:
			if !ok {
				return true, 0, nil
			}
			if strings.ContainsRune(stop, key) {
				return true, key, nil
			}
		case <-v.leg.Done():
			return true, 0, nil
		case <-ctx.Done():
			return true, 0, ctx.Err()
		}
	}
}
