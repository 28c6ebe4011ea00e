package softphone_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
	"timbre/softphone"
)

// said is a packet as the far side got it.
type said struct {
	timestamp uint32
	payload   []byte
}

// TestCodecChangesDuringACall has the far side change it, and hears a tone both ways
// in each.
func TestCodecChangesDuringACall(t *testing.T) {
	legs, packets := make(chan *ua.Leg, 1), make(chan said, 1000)
	s := newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: in.Codecs()})
		if err != nil {
			t.Error(err)
			return
		}
		leg.Listen(func(p *ua.Packet) {
			leg.WritePacket(p)
			select {
			case packets <- said{p.Timestamp, append([]byte(nil), p.Payload...)}:
			default: // nobody asks any more
			}
		})
		legs <- leg
		<-leg.Done()
	})
	ear := newRecorder(700)
	h := newHandset(t, s.account, ear)
	h.registered(t)
	c, err := h.Call("*43")
	if err != nil {
		t.Fatal(err)
	}
	leg := next(t, legs)
	if got := leg.Codec(); !got.Is(sdp.Opus) {
		t.Errorf("%s is the best codec, want opus", got.Name)
	}
	for _, codec := range []sdp.Codec{sdp.Opus, sdp.PCMU, sdp.G722, sdp.PCMA, sdp.Opus} {
		if err := leg.Reoffer(t.Context(), ua.Offer{Codecs: []sdp.Codec{codec, sdp.TelephoneEvent}}); err != nil {
			t.Fatal(err)
		}
		hearsIn(t, packets, codec, 700)
		for len(ear.heard) > 0 { // before the change
			<-ear.heard
		}
		for range 40 { // and on its way
			next(t, ear.heard)
		}
		ear.hears(t, 700)
		if got := c.Stats().Codec; got != codec.Name {
			t.Errorf("the phone speaks %s, want %s", got, codec.Name)
		}
	}
	c.Hangup()
	next(t, c.Done())
}

// hearsIn fails the test unless the packets from now on are in codec, in its own time,
// and have the tone.
func hearsIn(t *testing.T, packets <-chan said, codec sdp.Codec, hz float64) {
	t.Helper()
	for range len(packets) {
		<-packets
	}
	d, err := media.NewDecoder(codec.Name)
	if err != nil {
		t.Fatal(err)
	}
	var sound []int16
	before, steps := uint32(0), 0
	for range 30 {
		p := next(t, packets)
		if p.timestamp-before == uint32(codec.Clock/50) {
			steps++
		}
		before = p.timestamp
		sound = d.Decode(sound, p.payload)
	}
	tail := sound[len(sound)/2:]
	if level := media.Level(tail, d.Rate(), hz); steps < 27 || len(sound) < 29*d.Rate()/50 || level < -15 {
		t.Errorf("%s: %d of 30 packets 20 ms after the last, %d samples, %.0f Hz at %.1f dBFS", codec.Name, steps, len(sound), hz, level)
	}
}

func TestDeviceIsServedWithoutAllocating(t *testing.T) {
	echo := media.NewEcho()
	defer echo.Close()
	for _, ringing := range []bool{true, false} {
		source, sink := softphone.NewVoice(echo, ringing)
		frame := media.Sine(440, -12).Sound(16000, 10*time.Millisecond).Samples
		for what, f := range map[string]func([]int16){"source": source, "sink": sink} {
			if n := testing.AllocsPerRun(200, func() { f(frame) }); n != 0 {
				t.Errorf("%s, ringing %v: %g allocations", what, ringing, n)
			}
		}
	}
}
