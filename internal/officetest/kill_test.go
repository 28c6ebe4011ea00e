package officetest_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// TestKilledServerLosesNothing kills the server while a call goes on and while
// a voicemail is being recorded, and starts it again on the same data.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 2*time.Minute)
	o, err := officetest.Prepare(ctx, officetest.Options{Bin: bin, People: []officetest.Person{
		{Extension: "101", Name: "Ana López"},
		{Extension: "102", Name: "Luis Peña"},
		{Extension: "103", Name: "Marta Ruiz"},
		{Extension: "104", Name: "José Díaz"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("closing the office: %v", err)
		}
	})
	server, err := o.SpawnServer(context.WithoutCancel(ctx))
	if err != nil {
		t.Fatal(err)
	}
	marta := login(t, ctx, o, "103") // she has no telephone
	ana := phone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	luis := phone(t, ctx, o, "102", officetest.PhoneOptions{Answer: true})
	jose := phone(t, ctx, o, "104", officetest.PhoneOptions{Hz: 1000})

	// One message is there, synced, and marked as heard.
	leaveMessage(t, ctx, ana, "103", 3*time.Second)
	first := messages(t, ctx, marta, 1)[0]
	if err := marta.MarkVoicemail(ctx, first.ID, false); err != nil {
		t.Fatal(err)
	}
	messages(t, ctx, marta, 1)

	// Now a call goes on, and a message is being recorded.
	talking, err := ana.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, ctx, ana, talking, softphone.Active)
	recording := untilBeep(t, ctx, jose, "103")
	wait(t, ctx, 4*time.Second)
	server.Kill()
	if _, err := o.SpawnServer(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
	// The phones find out by themselves, although the server is there again.
	for _, c := range []*softphone.Call{talking, recording, <-luis.Incoming} {
		select {
		case <-c.Done():
			if s := c.Status(); s.Outcome != office.Failed || s.AnsweredAt.IsZero() {
				t.Errorf("a call of the killed server ended as %+v", s)
			}
		case <-ctx.Done():
			t.Fatal("a call of the killed server goes on")
		}
	}
	list := messages(t, ctx, marta, 2)
	if m := list[1]; m.ID != first.ID || m.IsNew || m.IsTruncated || m.Duration != first.Duration {
		t.Errorf("the first message was %+v and is %+v", first, m)
	}
	if m := list[0]; !m.IsNew || !m.IsTruncated || m.From.Number != "104" || time.Duration(m.Duration) < office.MinVoicemail {
		t.Errorf("the message that was cut off is %+v", m)
	}
	anas := login(t, ctx, o, "101")
	calls, err := anas.Calls(ctx, local.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0].Outcome != office.Failed || calls[0].Reason != office.Interrupted || calls[0].Peer.Number != "102" ||
		calls[1].Outcome != office.ToVoicemail {
		t.Errorf("the log of 101 is %+v", calls)
	}
	if sound, err := marta.Audio(ctx, list[0].ID); err != nil {
		t.Error(err)
	} else if err := holdsTone(sound); err != nil {
		t.Errorf("the message that was cut off: %v", err)
	}
}

// login returns the profile of n after a first sync.
func login(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number) *engine.Engine {
	t.Helper()
	e, err := o.Login(ctx, n)
	if err == nil {
		err = e.SyncOnce(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// messages syncs until there are n messages and nothing waits to be sent, and
// returns them, newest first.
func messages(t *testing.T, ctx context.Context, e *engine.Engine, n int) []local.Voicemail {
	t.Helper()
	for {
		err := e.SyncOnce(ctx)
		list, err2 := e.Voicemails(ctx, local.Filter{})
		if err == nil && err2 == nil && len(list) == n && e.Status().Pending == 0 {
			return list
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d messages, want %d: %v, %v", len(list), n, err, err2)
		}
	}
}

// untilBeep calls n and returns when the voicemail has beeped.
func untilBeep(t *testing.T, ctx context.Context, p *officetest.Phone, n office.Number) *softphone.Call {
	t.Helper()
	p.Ear.Forget()
	c, err := p.Call(n)
	if err != nil {
		t.Fatal(err)
	}
	reach(t, ctx, p, c, softphone.Active)
	beep := media.Beep().Hz[0]
	for {
		s := p.Ear.Heard()
		if tail := s.Samples[max(0, len(s.Samples)-800):]; len(tail) == 800 && media.Level(tail, s.Rate, beep) > -18 {
			return c
		}
		wait(t, ctx, 20*time.Millisecond)
	}
}

// leaveMessage calls n and speaks after the beep.
func leaveMessage(t *testing.T, ctx context.Context, p *officetest.Phone, n office.Number, long time.Duration) {
	t.Helper()
	c := untilBeep(t, ctx, p, n)
	wait(t, ctx, long)
	c.Hangup()
	<-c.Done()
}

// holdsTone looks for the tone of 1 kHz in an MP3 file.
func holdsTone(sound io.ReadCloser) error {
	defer sound.Close()
	data, err := io.ReadAll(sound)
	if err != nil {
		return err
	}
	s, err := media.DecodeMP3(data)
	if err != nil {
		return err
	}
	if level := officetest.Loudest(s, 1000); level < -18 {
		return fmt.Errorf("1000 Hz at %.1f dBFS in %v", level, s.Duration())
	}
	return nil
}
