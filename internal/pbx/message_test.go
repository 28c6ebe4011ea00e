package pbx

import (
	"errors"
	"io"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// messages waits until ext has n messages and returns them with their sound.
func (x *exchange) messages(t *testing.T, ext office.Number, n int) ([]office.Voicemail, []media.Sound) {
	t.Helper()
	e, err := x.store.Extension(t.Context(), ext)
	if err != nil {
		t.Fatal(err)
	}
	wake, cancel := x.store.Subscribe(e.Account)
	defer cancel()
	var ids []office.ID
	for end := time.After(patient); ; {
		if ids, err = x.store.QueryVoicemails(t.Context(), e.Account, store.VoicemailFilter{}, store.Page{}); err != nil {
			t.Fatal(err)
		}
		if len(ids) >= n {
			break
		}
		select {
		case <-wake:
		case <-end:
			t.Fatalf("%d of %d messages", len(ids), n)
		}
	}
	vs, err := x.store.Voicemails(t.Context(), e.Account, ids...)
	if err != nil || len(vs) != n {
		t.Fatalf("messages %v, %v", vs, err)
	}
	var sounds []media.Sound
	for _, v := range vs {
		f, _, err := x.store.OpenBlob(t.Context(), e.Account, v.BlobID)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		sound, err := media.DecodeMP3(data)
		if err != nil {
			t.Fatal(err)
		}
		sounds = append(sounds, sound)
	}
	return vs, sounds
}

// speaks has k skip the prompt and then speak for d into a recording.
func (x *exchange) speaks(t *testing.T, k *talk, d time.Duration) {
	t.Helper()
	if err := k.leg.SendDigit(t.Context(), '#'); err != nil {
		t.Fatal(err)
	}
	for end := time.After(patient); ; {
		begun, err := x.store.Recordings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(begun) > 0 {
			break
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-end:
			t.Fatal("nothing is recorded")
		}
	}
	<-time.After(d)
}

func TestMessageIsLeft(t *testing.T) {
	for _, c := range []struct {
		name, number, transport string
		codec                   sdp.Codec
	}{
		{"nobody answers", "102", "udp", sdp.PCMU},
		{"dialled", "vm-102", "tls", sdp.PCMA},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			ana := x.unregistered(t, "101", c.transport)
			start := time.Now().Add(-time.Second)
			k := ana.call(c.number, 440, c.codec)
			x.speaks(t, k, 3*time.Second)
			k.hangUp(t)
			vs, sounds := x.messages(t, "102", 1)
			v := vs[0]
			if v.From != (office.Party{Number: "101", Name: "Ana"}) || !v.IsNew || v.IsTruncated || v.ReceivedAt.Before(start) || v.ReceivedAt.After(time.Now()) {
				t.Errorf("message %+v", v)
			}
			if d := time.Duration(v.Duration); d < 2*time.Second || d > 5*time.Second {
				t.Errorf("the message lasts %v", d)
			}
			if level := media.Level(sounds[0].Samples, sounds[0].Rate, 440); level < -18 {
				t.Errorf("440 Hz are in the message at %.0f dB only", level)
			}
			if level := media.Level(sounds[0].Samples, sounds[0].Rate, 880); level > -30 {
				t.Errorf("the beep is in the message at %.0f dB", level)
			}
			out, in := x.log(t, "101", 1)[0], x.log(t, "102", 1)[0]
			if out.Outcome != office.ToVoicemail || out.Kind != office.Outgoing || time.Duration(out.Duration) < 3*time.Second {
				t.Errorf("caller's log %+v", out)
			}
			if in.Outcome != office.ToVoicemail || in.Kind != office.Missed || in.AnsweredAt != nil {
				t.Errorf("callee's log %+v", in)
			}
		})
	}
}

func TestMessageAfterDeclineKeepsTheDecline(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp")
	luis.rejects(603)
	k := ana.call("102", 440)
	x.speaks(t, k, 3*time.Second)
	if err := k.leg.SendDigit(t.Context(), '#'); err != nil && !errors.Is(err, ua.ErrClosed) { // ends it too
		t.Fatal(err)
	}
	k.wait()
	x.messages(t, "102", 1)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.Declined || in.Kind != office.Incoming {
		t.Errorf("callee's log %+v", in)
	}
}

func TestStopCutsAMessageAndKeepsIt(t *testing.T) {
	t.Parallel()
	x := open(t)
	k := x.unregistered(t, "101", "udp").call("102", 440)
	x.speaks(t, k, 3*time.Second)
	x.stop()
	k.wait()
	vs, _ := x.messages(t, "102", 1)
	if !vs[0].IsTruncated {
		t.Errorf("message %+v", vs[0])
	}
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.ToVoicemail {
		t.Errorf("callee's log %+v", in)
	}
}
