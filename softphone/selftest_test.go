package softphone_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
	"timbre/softphone"
	"timbre/softphone/audio"
)

// echo returns an office that gives back what it hears, but for every lose-th packet.
func echo(t *testing.T, lose int) *switchboard {
	return newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: []sdp.Codec{sdp.Opus, sdp.TelephoneEvent}})
		if err != nil {
			t.Error(err)
			return
		}
		n := 0
		leg.Listen(func(p *ua.Packet) {
			if n++; lose == 0 || n%lose != 0 {
				leg.WritePacket(p)
			}
		})
		<-leg.Done()
	})
}

func TestSelfTest(t *testing.T) {
	s := echo(t, 0)
	rig := audio.NewRig(
		&audio.RigDevice{Name: "mic", Capture: true, Hears: media.Sine(300, -20).Generator(48000).Read},
		&audio.RigDevice{Name: "speaker"},
	)
	defer rig.Close()
	d, err := softphone.SelfTest(t.Context(), softphone.Config{Account: s.account}, rig.Devices(audio.DefaultSettings()))
	if err != nil {
		t.Fatal(err)
	}
	q := d.Quality
	if !d.OK() || d.Registering <= 0 || d.Asked < 5 || q.Codec != "opus" || q.Loss > 0 || q.MOS() < 4 || !d.Call.Secure || d.Call.Outcome != office.Answered {
		t.Errorf("found %+v", d)
	}
	if q.RoundTrip < 20*time.Millisecond || q.RoundTrip > 300*time.Millisecond {
		t.Errorf("round trip %v", q.RoundTrip)
	}
	if p := d.Microphone.Peak; p < -22 || p > -18 {
		t.Errorf("the microphone is at %.1f dBFS", p)
	}
}

// What is wrong with the network and the devices is found.
func TestSelfTestFindsFaults(t *testing.T) {
	t.Parallel()
	s := echo(t, 4)
	rig := audio.NewRig(&audio.RigDevice{Name: "mic", Capture: true}) // gives zeros
	defer rig.Close()
	d, err := softphone.SelfTest(t.Context(), softphone.Config{Account: s.account}, rig.Devices(audio.DefaultSettings()))
	if err != nil {
		t.Fatal(err)
	}
	if d.OK() || d.Quality.Fault() != softphone.PacketsLost || d.Quality.Loss < 0.2 || d.Quality.Loss > 0.3 {
		t.Errorf("found %+v", d.Quality)
	}
	if !errors.Is(d.Microphone.Err, softphone.ErrNoSound) || !errors.Is(d.Speaker.Err, audio.ErrNoDevice) {
		t.Errorf("devices: %v, %v", d.Microphone.Err, d.Speaker.Err)
	}
}

// An office that is not there, one that does not know the number, and one that says
// nothing.
func TestSelfTestWithoutEcho(t *testing.T) {
	t.Parallel()
	gone := echo(t, 1).account
	gone.URIs = []string{"sips:127.0.0.1:1"}
	refuses := newSwitchboard(t, func(_ context.Context, in *ua.Incoming) { in.Reject(404) })
	for name, c := range map[string]struct {
		account softphone.Account
		is      func(softphone.Diagnosis) bool
	}{
		"gone": {gone, func(d softphone.Diagnosis) bool {
			return d.Registration.State == softphone.Offline && d.Call.State == ""
		}},
		"refuses": {refuses.account, func(d softphone.Diagnosis) bool {
			return d.Registration.State == softphone.Registered && d.Call.Code == 404 && d.Asked == 0
		}},
		"silent": {echo(t, 1).account, func(d softphone.Diagnosis) bool {
			return d.Asked > 0 && d.Heard == 0 && d.Quality.Fault() == softphone.FarSilent
		}},
	} {
		d, err := softphone.SelfTest(t.Context(), softphone.Config{Account: c.account}, nil)
		if err != nil || d.OK() || !c.is(d) || d.Microphone != nil {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}
