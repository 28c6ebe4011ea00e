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
)

func TestOutgoingCall(t *testing.T) {
	legs, digits, taken := make(chan *ua.Leg, 1), make(chan rune, 8), make(chan struct{})
	s := newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		if in.To() != "*43" || in.Username() != "device" || !in.Secure() {
			t.Errorf("called %q by %q, secure %v", in.To(), in.Username(), in.Secure())
		}
		in.Ring(ua.Headers{"Timbre-Call": "abcdefghijkl"})
		<-taken
		leg, err := in.Answer(ctx, ua.AnswerOptions{
			Codecs:  []sdp.Codec{sdp.PCMU, sdp.TelephoneEvent},
			Headers: ua.Headers{"Timbre-Far-Media": "rtp"},
		})
		if err != nil {
			t.Error(err)
			return
		}
		legs <- leg
		go func() {
			for d := range leg.Digits() {
				digits <- d
			}
		}()
		leg.Listen(func(p *ua.Packet) { leg.WritePacket(p) }) // what one says is what one hears
		<-leg.Done()
	})
	ear := newRecorder(700)
	h := newHandset(t, s.account, ear)
	h.registered(t)
	c, err := h.Call("*43")
	if err != nil {
		t.Fatal(err)
	}
	if st := h.reaches(t, softphone.Ringing); st.LogID != "abcdefghijkl" || st.FarMedia != "" {
		t.Errorf("ringing: %+v", st)
	}
	close(taken)
	if st := h.reaches(t, softphone.Active); !st.Secure || st.FarMedia != "rtp" || st.AnsweredAt.IsZero() {
		t.Errorf("active: %+v", st)
	}
	leg := next(t, legs)
	ear.hears(t, 700)
	for _, d := range "42#" {
		if err := c.SendDigit(d); err != nil {
			t.Errorf("digit %c: %v", d, err)
		}
	}
	if err := c.SendDigit('x'); !errors.Is(err, softphone.ErrDigit) {
		t.Errorf("digit x: %v", err)
	}
	for _, want := range "42#" {
		if got := next(t, digits); got != want {
			t.Errorf("the far side got %c, want %c", got, want)
		}
	}
	if st := c.Stats(); st.Sent < 25 || st.Received < 25 || st.Codec != "PCMU" {
		t.Errorf("stats %+v", st)
	}
	c.Hangup()
	if st := h.reaches(t, softphone.Ended); st.Outcome != office.Answered || st.Code != 200 || st.Duration(time.Now()) <= 0 {
		t.Errorf("ended: %+v", st)
	}
	next(t, leg.Done())
	next(t, c.Done())
	if err := c.SendDigit('1'); !errors.Is(err, softphone.ErrNotActive) {
		t.Errorf("a digit after the end: %v", err)
	}
}

func TestMutedCallSendsSilence(t *testing.T) {
	loud := make(chan float64, 1000)
	s := newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		leg.Listen(func(p *ua.Packet) {
			samples := make([]int16, len(p.Payload))
			media.PCMA.Decode(samples, p.Payload)
			select {
			case loud <- media.Loudness(samples):
			default: // nobody asks any more
			}
		})
		<-leg.Done()
	})
	h := newHandset(t, s.account, newRecorder(700))
	h.registered(t)
	c, err := h.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	h.reaches(t, softphone.Active)
	until(t, loud, func(l float64) bool { return l > -20 })
	c.Mute(true)
	if st := until(t, h.statuses, func(s softphone.Status) bool { return s.Muted }); st.State != softphone.Active {
		t.Errorf("muted: %+v", st)
	}
	until(t, loud, func(l float64) bool { return l < -60 }) // the packets go on
	c.Mute(false)
	until(t, loud, func(l float64) bool { return l > -20 })
	c.Hangup()
	next(t, c.Done())
}

func TestCallsThatNobodyAnswers(t *testing.T) {
	for code, want := range map[int]office.Outcome{486: office.Busy, 603: office.Declined, 480: office.NoAnswer, 404: office.Failed} {
		s := newSwitchboard(t, func(_ context.Context, in *ua.Incoming) { in.Reject(code) })
		h := newHandset(t, s.account, nil)
		h.registered(t)
		c, err := h.Call("102")
		if err != nil {
			t.Fatal(err)
		}
		if st := h.reaches(t, softphone.Ended); st.Outcome != want || st.Code != code || !st.AnsweredAt.IsZero() || st.EndedAt.IsZero() {
			t.Errorf("%d: ended as %+v, want %s", code, st, want)
		}
		next(t, c.Done())
	}
}

func TestRefusalSaysWhy(t *testing.T) {
	s := newSwitchboard(t, func(_ context.Context, in *ua.Incoming) {
		in.Reject(403, ua.Headers{office.ReasonHeader: office.TooManyCalls})
	})
	h := newHandset(t, s.account, nil)
	h.registered(t)
	c, err := h.Call("5555550100")
	if err != nil {
		t.Fatal(err)
	}
	st := h.reaches(t, softphone.Ended)
	if st.Outcome != office.Failed || st.Code != 403 || st.Why != office.TooManyCalls {
		t.Errorf("ended as %+v", st)
	}
	if r := c.Report(st, time.Now()); r.Why != office.TooManyCalls {
		t.Errorf("report %+v", r)
	}
	next(t, c.Done())
}

func TestCallerHearsTheFarSideRing(t *testing.T) {
	s := newSwitchboard(t, func(_ context.Context, in *ua.Incoming) {
		in.Ring()
		<-in.Canceled()
	})
	ear := newRecorder(0)
	h := newHandset(t, s.account, ear)
	h.registered(t)
	c, err := h.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	ear.hears(t, 425)
	c.Hangup()
	next(t, c.Done())
}

func TestIncomingCall(t *testing.T) {
	s := newSwitchboard(t, nil)
	ear := newRecorder(700)
	h := newHandset(t, s.account, ear)
	r := next(t, s.registered)
	legs := make(chan *ua.Leg, 1)
	go func() {
		leg, err := s.Dial(t.Context(), callTo(r))
		if err != nil {
			t.Error(err)
		}
		legs <- leg
	}()
	c := next(t, h.incoming)
	if st := c.Status(); !c.Incoming() || c.Peer() != (office.Party{Number: "102", Name: "Luis Peña"}) ||
		st.State != softphone.Ringing || st.LogID != "abcdefghijkl" || st.FarMedia != "rtp" || h.Current() != c {
		t.Errorf("rings: %+v, %+v", c.Peer(), st)
	}
	c.Answer()
	c.Answer() // a second click
	if st := h.reaches(t, softphone.Active); !st.Secure {
		t.Errorf("active: %+v", st)
	}
	leg := next(t, legs)
	leg.Listen(func(p *ua.Packet) { leg.WritePacket(p) })
	ear.hears(t, 700)
	if err := leg.Hangup(t.Context()); err != nil {
		t.Error(err)
	}
	if st := h.reaches(t, softphone.Ended); st.Outcome != office.Answered {
		t.Errorf("ended: %+v", st)
	}
	next(t, c.Done())
}

// TestRingingHasAnEnd rings a phone whose office never says that the caller gave up.
func TestRingingHasAnEnd(t *testing.T) {
	s := newSwitchboard(t, nil)
	h := newHandset(t, s.account, nil, func(p *softphone.Phone) { softphone.SetRingTime(p, 50*time.Millisecond) })
	_, err := s.Dial(t.Context(), callTo(next(t, s.registered)))
	if refused := (*ua.StatusError)(nil); !errors.As(err, &refused) || refused.Code != 480 {
		t.Errorf("%v, want 480", err)
	}
	c := next(t, h.incoming)
	if st := h.reaches(t, softphone.Ended); st.Outcome != office.NoAnswer {
		t.Errorf("ended: %+v", st)
	}
	next(t, c.Done())
	if h.Current() != nil {
		t.Error("the phone is still busy")
	}
}

func TestIncomingCallThatIsNotTaken(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(c *softphone.Call, giveUp context.CancelFunc)
		outcome office.Outcome
		code    int // of the caller; 0: none
	}{
		{"declined", func(c *softphone.Call, _ context.CancelFunc) { c.Decline() }, office.Declined, 603},
		{"given up", func(_ *softphone.Call, giveUp context.CancelFunc) { giveUp() }, office.Canceled, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSwitchboard(t, nil)
			h := newHandset(t, s.account, nil)
			r := next(t, s.registered)
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			failed := make(chan error, 1)
			go func() {
				_, err := s.Dial(ctx, callTo(r))
				failed <- err
			}()
			call := next(t, h.incoming)
			c.do(call, giveUp)
			if st := h.reaches(t, softphone.Ended); st.Outcome != c.outcome {
				t.Errorf("ended: %+v, want %s", st, c.outcome)
			}
			refused := (*ua.StatusError)(nil)
			if err := next(t, failed); errors.As(err, &refused) != (c.code != 0) || refused != nil && refused.Code != c.code {
				t.Errorf("the caller got %v, want %d", err, c.code)
			}
			next(t, call.Done())
		})
	}
}

func TestCallWithoutEncryptionIsRefused(t *testing.T) {
	s := newSwitchboard(t, nil)
	newHandset(t, s.account, nil)
	to := callTo(next(t, s.registered))
	to.Secure = false
	_, err := s.Dial(t.Context(), to)
	if refused := (*ua.StatusError)(nil); !errors.As(err, &refused) || refused.Code != 488 {
		t.Errorf("%v, want 488", err)
	}
}

func TestMissingSoundDeviceIsNoReasonNotToTalk(t *testing.T) {
	s := newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
			<-leg.Done()
		}
	})
	missing := errors.New("no such device")
	h := newHandset(t, s.account, broken{missing})
	h.registered(t)
	c, err := h.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	st := until(t, h.statuses, func(s softphone.Status) bool { return s.State == softphone.Active && s.AudioErr != nil })
	if !errors.Is(st.AudioErr, missing) {
		t.Errorf("%v", st.AudioErr)
	}
	c.Hangup()
	next(t, c.Done())
}

// broken is a sound device that is not there.
type broken struct{ err error }

func (b broken) Run(ctx context.Context, s media.Stream) error {
	s.Trouble(b.err)
	<-ctx.Done()
	return nil
}

func TestPhoneThatGoesAwayHangsUp(t *testing.T) {
	gone := make(chan ua.Cause, 1)
	s := newSwitchboard(t, func(ctx context.Context, in *ua.Incoming) {
		if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
			<-leg.Done()
			gone <- leg.Cause()
		}
	})
	t.Run("", func(t *testing.T) {
		h := newHandset(t, s.account, nil)
		h.registered(t)
		if _, err := h.Call("102"); err != nil {
			t.Fatal(err)
		}
		h.reaches(t, softphone.Active)
	}) // its end is the phone's
	if c := next(t, gone); !c.ByRemote || c.Code != 200 {
		t.Errorf("the far side saw %+v", c)
	}
}
