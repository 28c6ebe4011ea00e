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

// Rate is the number of samples a second of what a Voice speaks and hears,
// whatever the codec of its leg.
const Rate = 8000

// How much sound a packet of ours holds.
const (
	ptime = 20 * time.Millisecond
	frame = int(ptime * Rate / time.Second) // samples
)

// A Voice is the server's own voice and ear on one leg. Talk and Converse make
// it. Play is used by one goroutine at a time.
type Voice struct {
	leg   *ua.Leg
	mouth mouth

	mu   sync.Mutex
	deaf error // of a panic in what listened; guarded by mu
}

// Talk holds a dialogue with leg and then hangs up; it returns the dialogue's
// error when the leg is over. A leg whose codec is not Speakable is hung up with
// ErrCodec.
func Talk(ctx context.Context, leg *ua.Leg, dialogue func(ctx context.Context, v *Voice) error) error {
	defer Hangup(ctx, leg)
	return Converse(ctx, leg, dialogue)
}

// Converse holds a dialogue with leg and leaves it as it is: it can be joined with
// another one then. It returns the dialogue's error, at once with ErrCodec where
// the leg's codec is not Speakable. A dialogue that panics ends the leg.
func Converse(ctx context.Context, leg *ua.Leg, dialogue func(ctx context.Context, v *Voice) error) error {
	codec := leg.Codec()
	encoder, err := media.NewEncoder(codec.Name)
	if err != nil {
		return ErrCodec
	}
	v := &Voice{leg: leg, mouth: newMouth(encoder, codec.Clock)}
	panicked := guarded(func() { err = dialogue(ctx, v) })
	leg.Listen(nil)
	if panicked != nil {
		Hangup(ctx, leg)
		return panicked
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		err = v.deaf
	}
	return err
}

// listen gives every packet of sound from now on to take; nil to nobody.
func (v *Voice) listen(take func(p *ua.Packet)) {
	if take == nil {
		v.leg.Listen(nil)
		return
	}
	v.leg.Listen(func(p *ua.Packet) {
		if p.Event {
			return
		}
		if err := guarded(func() { take(p) }); err != nil {
			v.mu.Lock()
			v.deaf = err
			v.mu.Unlock()
			go Hangup(context.Background(), v.leg) // at most byeTime; what listens must not wait for an answer
		}
	})
}

// Listen hands everything that arrives from now on to hear, as samples at Rate
// with silence where nothing came; hear must not keep the slice. nil stops it,
// and hear is not running any more when Listen returns.
func (v *Voice) Listen(hear func(samples []int16)) {
	if hear == nil {
		v.listen(nil)
		return
	}
	codec := v.leg.Codec()
	decoder, err := media.NewDecoder(codec.Name)
	if err != nil { // no codec can be encoded and not decoded
		v.listen(nil)
		return
	}
	v.listen(newEar(decoder, codec.Clock, hear).take)
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
	p := ua.Packet{SSRC: rand.Uint32()} // the leg makes its numbers follow those of the last Play
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
		p.Timestamp = uint32(n) * v.mouth.ticks
		p.Payload = v.mouth.speak(samples[from:min(from+frame, len(samples))])
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

// A mouth turns frames at Rate into payloads of a codec. It is used by one
// goroutine.
type mouth struct {
	encoder   media.Encoder
	ticks     uint32 // of the codec's clock in a frame
	size      int    // samples of a frame at the encoder's rate
	resampler *media.Resampler
	pending   []int16 // at the encoder's rate, not yet spoken
	samples   [frame]int16
	payload   []byte
}

func newMouth(encoder media.Encoder, clock int) mouth {
	m := mouth{encoder: encoder, ticks: ticks(ptime, clock), size: frame * encoder.Rate() / Rate}
	if encoder.Rate() != Rate {
		m.resampler = media.NewResampler(Rate, encoder.Rate())
		m.pending = make([]int16, m.size/2) // the resampler is a little late
	}
	return m
}

// speak returns the payload of one frame, of which samples may be a part. It is
// valid until the next call.
func (m *mouth) speak(samples []int16) []byte {
	clear(m.samples[copy(m.samples[:], samples):])
	if m.resampler == nil {
		m.payload = m.encoder.Encode(m.payload[:0], m.samples[:])
		return m.payload
	}
	m.pending = m.resampler.Process(m.pending, m.samples[:])
	m.payload = m.encoder.Encode(m.payload[:0], m.pending[:m.size])
	m.pending = m.pending[:copy(m.pending, m.pending[m.size:])]
	return m.payload
}
