//go:build speexdsp

package softphone_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
	"timbre/softphone"
	"timbre/softphone/audio"
)

// A room is a device whose microphone hears its speaker alone, 70 ms later and at
// half its loudness.
type room struct{ air []int16 }

func (r *room) Run(ctx context.Context, s media.Stream) error {
	source, sink := s.Source, s.Sink
	r.air = make([]int16, 7*s.Rate/100)
	s.Source = func(frame []int16) {
		source(frame)
		r.air = append(r.air, frame...)
	}
	s.Sink = func(frame []int16) {
		r.air = r.air[:copy(r.air, r.air[copy(frame, r.air):])]
		for i := range frame {
			frame[i] /= 2
		}
		sink(frame)
	}
	return audio.Null{}.Run(ctx, s)
}

// TestFarSideDoesNotHearItself speaks into a room, and listens for a second of
// silence.
func TestFarSideDoesNotHearItself(t *testing.T) {
	loud := make(chan float64, 1000)
	s := newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: []sdp.Codec{sdp.G722}})
		if err != nil {
			t.Error(err)
			return
		}
		d, err := media.NewDecoder("G722")
		if err != nil {
			t.Error(err)
			return
		}
		var samples []int16
		leg.Listen(func(p *ua.Packet) {
			samples = d.Decode(samples[:0], p.Payload)
			select {
			case loud <- media.Loudness(samples):
			default: // nobody asks any more
			}
		})
		babble(t, leg)
	})
	h := newHandset(t, s.account, &room{}, func(p *softphone.Phone) {
		softphone.SetWithout(p, softphone.NoiseSuppression|softphone.AutomaticGain)
	})
	h.registered(t)
	c, err := h.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	until(t, loud, func(l float64) bool { return l > -30 }) // the room is not known yet
	packets, quiet := 0, 0
	for ; quiet < 50 && packets < 500; packets++ {
		if quiet++; next(t, loud) > -45 {
			quiet = 0
		}
	}
	if quiet < 50 {
		t.Errorf("after %d packets the far side hears itself", packets)
	}
	c.Hangup()
	next(t, c.Done())
}

// babble says noise that comes and goes, as speech does, until the leg's end.
func babble(t *testing.T, leg *ua.Leg) {
	e, err := media.NewEncoder("G722")
	if err != nil {
		t.Error(err)
		return
	}
	random := rand.New(rand.NewPCG(1, 2))
	frame, p := make([]int16, 320), ua.Packet{SSRC: 1}
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		loudness := 4000 + 8000*float64(p.Sequence%10)/10
		for i := range frame {
			frame[i] = int16((random.Float64() - 0.5) * loudness)
		}
		p.Payload = e.Encode(p.Payload[:0], frame)
		leg.WritePacket(&p)
		p.Sequence, p.Timestamp = p.Sequence+1, p.Timestamp+160
		select {
		case <-tick.C:
		case <-leg.Done():
			tick.Stop()
			return
		}
	}
}
