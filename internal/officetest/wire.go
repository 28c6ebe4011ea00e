package officetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// A Wire is one call as a carrier, or another telephone without a sound device, has
// it: what is heard and pressed is kept. It is safe for concurrent use.
type Wire struct {
	In *ua.Incoming // nil where the carrier called

	over chan struct{} // closed when an incoming call is over, whether it was answered or not

	mu     sync.Mutex
	leg    *ua.Leg         // guarded by mu; nil before the answer
	heard  media.Sound     // guarded by mu
	digits []rune          // guarded by mu
	more   chan struct{}   // guarded by mu; closed and replaced when anything of this changes
	decode media.Decoder   // used by the leg's goroutine
	codec  sdp.Codec       // of what is decoded; the same
	frame  [5760 * 2]int16 // the same
}

func newWire(in *ua.Incoming) *Wire {
	return &Wire{In: in, over: make(chan struct{}), more: make(chan struct{})}
}

// take begins to hear l.
func (w *Wire) take(l *ua.Leg) {
	w.mu.Lock()
	if w.leg == l { // it had sound before the answer
		w.mu.Unlock()
		return
	}
	w.leg = l
	w.change()
	w.mu.Unlock()
	l.Listen(func(p *ua.Packet) { w.hear(l, p) })
	go func() { // ends with the leg
		for d := range l.Digits() {
			w.mu.Lock()
			w.digits = append(w.digits, d)
			w.change()
			w.mu.Unlock()
		}
	}()
}

// change lets those who wait look again. w.mu must be held.
func (w *Wire) change() {
	close(w.more)
	w.more = make(chan struct{})
}

// hear keeps the sound of a packet. What was lost is not made up for.
func (w *Wire) hear(l *ua.Leg, p *ua.Packet) {
	if p.Event {
		return
	}
	if c := l.Codec(); w.decode == nil || c != w.codec {
		d, err := media.NewDecoder(c.Name)
		if err != nil {
			return
		}
		w.decode, w.codec = d, c
	}
	samples := w.decode.Decode(w.frame[:0], p.Payload)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heard.Rate != w.decode.Rate() {
		w.heard = media.Sound{Rate: w.decode.Rate()}
	}
	w.heard.Samples = append(w.heard.Samples, samples...)
	w.change()
}

// Leg returns the leg; nil before the answer.
func (w *Wire) Leg() *ua.Leg {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leg
}

// Heard returns all that was heard so far.
func (w *Wire) Heard() media.Sound {
	w.mu.Lock()
	defer w.mu.Unlock()
	return media.Sound{Rate: w.heard.Rate, Samples: slices.Clone(w.heard.Samples)}
}

// Forget forgets what was heard.
func (w *Wire) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard.Samples = nil
}

// Digits returns what was pressed so far.
func (w *Wire) Digits() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.digits)
}

// Wait waits until is is true of the call; it asks again whenever something was
// heard or pressed.
func (w *Wire) Wait(ctx context.Context, is func() bool) error {
	for {
		w.mu.Lock()
		more := w.more
		w.mu.Unlock()
		if is() {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// from returns what was heard from the n-th sample on.
func (w *Wire) from(n int) (media.Sound, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return media.Sound{Rate: w.heard.Rate, Samples: slices.Clone(w.heard.Samples[min(n, len(w.heard.Samples)):])}, nil
}

// Hears waits until the tone hz is heard for half a second. What has come waits
// for who listens: unlike with an Ear, none of it is lost where the machine is busy.
func (w *Wire) Hears(ctx context.Context, hz float64) error { return await(ctx, w.from, hz, true) }

// Over is closed when a call that came in is over.
func (w *Wire) Over() <-chan struct{} { return w.over }

// Say says the tone hz into the call until ctx or the call ends.
func (w *Wire) Say(ctx context.Context, hz float64) {
	l := w.Leg()
	if l != nil {
		say(ctx, l, media.Sine(hz, toneLevel))
	}
}

// say sends a tone over l in its codec, until ctx or l ends.
func say(ctx context.Context, l *ua.Leg, tone media.Tone) {
	codec := l.Codec()
	enc, err := media.NewEncoder(codec.Name)
	if err != nil {
		return
	}
	g, clock := tone.Generator(enc.Rate()), codec.Clock
	frame, payload := make([]int16, enc.Rate()/50), []byte(nil)
	pacer := media.NewPacer(time.Now(), 20*time.Millisecond)
	for {
		n, wait := pacer.Next(time.Now())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		case <-l.Done():
			return
		}
		g.Read(frame)
		payload = enc.Encode(payload[:0], frame)
		p := ua.Packet{Marker: n == 0, Sequence: uint16(n), Timestamp: uint32(n) * uint32(clock/50), SSRC: 0x7e57, Payload: payload}
		if l.WritePacket(&p) != nil {
			return
		}
	}
}

// Answer answers a call that came in, with the first of codecs that the office
// offers; none: all that are spoken here.
func (w *Wire) Answer(ctx context.Context, codecs ...sdp.Codec) (*ua.Leg, error) {
	l, err := w.In.Answer(ctx, ua.AnswerOptions{Codecs: codecs})
	if err == nil {
		w.take(l)
	}
	return l, err
}

// Answers returns a subscriber that answers after a while of ringing and says the
// tone hz until the other side hangs up; silence where hz is 0.
func Answers(ring time.Duration, hz float64, codecs ...sdp.Codec) Subscriber {
	return func(ctx context.Context, w *Wire) {
		if ring > 0 {
			w.In.Ring()
			if !wait(ctx, w, ring) {
				return
			}
		}
		l, err := w.Answer(ctx, codecs...)
		if err != nil {
			return
		}
		if hz > 0 {
			w.Say(ctx, hz)
		}
		select {
		case <-l.Done():
		case <-ctx.Done():
		}
	}
}

// wait reports whether d passed before the call was over.
func wait(ctx context.Context, w *Wire, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.In.Canceled():
	case <-ctx.Done():
	}
	return false
}

// Refuses returns a subscriber, or a carrier's own refusal, that says status after
// a while of ringing; at once where that is zero.
func Refuses(ring time.Duration, status int) Subscriber {
	return func(ctx context.Context, w *Wire) {
		if ring > 0 {
			w.In.Ring()
			if !wait(ctx, w, ring) {
				return
			}
		}
		w.In.Reject(status)
	}
}

// Rings returns a subscriber that never answers.
func Rings() Subscriber {
	return func(ctx context.Context, w *Wire) {
		w.In.Ring()
		wait(ctx, w, time.Hour)
	}
}

// Silent returns a carrier that says no more than 100.
func Silent() Subscriber {
	return func(ctx context.Context, w *Wire) { wait(ctx, w, time.Hour) }
}

// Early returns a subscriber whose carrier says the tone hz for a while before
// the answer, then behaves as then.
func Early(long time.Duration, hz float64, then Subscriber) Subscriber {
	return func(ctx context.Context, w *Wire) {
		l, err := w.In.Progress(ctx, ua.AnswerOptions{})
		if err != nil {
			return
		}
		w.take(l)
		saying, stop := context.WithTimeout(ctx, long)
		w.Say(saying, hz)
		stop()
		then(ctx, w)
	}
}

// Mailbox returns a subscriber whose own voicemail answers after a while of
// ringing: a greeting of 500 Hz, a beep, then it listens.
func Mailbox(ring time.Duration) Subscriber {
	return func(ctx context.Context, w *Wire) {
		w.In.Ring()
		if !wait(ctx, w, ring) {
			return
		}
		l, err := w.Answer(ctx)
		if err != nil {
			return
		}
		greeting, stop := context.WithTimeout(ctx, 2*time.Second)
		w.Say(greeting, 500)
		stop()
		beep, stop := context.WithTimeout(ctx, media.BeepTime)
		say(beep, l, media.Beep())
		stop()
		select {
		case <-l.Done():
		case <-ctx.Done():
		}
	}
}

// Presses returns a subscriber who answers after a while of ringing, presses
// digits a moment later, and says the tone hz.
func Presses(ring, later time.Duration, digits string, hz float64) Subscriber {
	return func(ctx context.Context, w *Wire) {
		w.In.Ring()
		if !wait(ctx, w, ring) {
			return
		}
		l, err := w.Answer(ctx)
		if err != nil || !wait(ctx, w, later) {
			return
		}
		for _, d := range digits {
			if l.SendDigit(ctx, d) != nil {
				return
			}
		}
		w.Say(ctx, hz)
	}
}

// From returns the target of a call from number, with a name, as a carrier writes
// it: in From and, asserted, in P-Asserted-Identity.
func From(number office.Number, name string) ua.Target {
	p := office.Party{Number: number, Name: name}
	return ua.Target{From: p, Identity: p}
}
