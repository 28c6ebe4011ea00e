package softphone

import (
	"context"
	"strings"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// An Error is something that a Phone or a Call cannot do now.
type Error string

func (e Error) Error() string { return string(e) }

// The kinds of errors.
const (
	ErrInCall     Error = "another call is going on"
	ErrNotRunning Error = "the phone is not running"
	ErrNotActive  Error = "nobody has answered yet, or the call is over"
	ErrDigit      Error = "not a digit that can be sent"
)

// A Call is one call of a Phone, from the first ring to the end. Its methods
// return at once and are safe for concurrent use; what they bring about is told
// through Config.OnCall. After the end they do nothing. One goroutine takes the
// call through its states (journey.go); the methods only tell it what the user
// wants.
type Call struct {
	id       office.ID
	phone    *Phone
	incoming bool
	peer     office.Party
	voice    *voice

	running context.Context    // the phone's
	want    context.Context    // ends when the user or the phone wants the call to end
	hangUp  context.CancelFunc // ends want
	answer  chan struct{}      // capacity 1
	digits  chan rune          // to be sent
	done    chan struct{}

	sounding context.Context // ends when no sound device is needed any more
	silence  context.CancelFunc
	sounds   sync.WaitGroup // of the goroutine that runs Audio

	mu     sync.Mutex
	status Status  // guarded by mu
	leg    *ua.Leg // guarded by mu; nil until answered
}

// maxDigits is how many digits may wait to be sent: a pasted card number fits.
const maxDigits = 64

// newCall returns a call of p, whose mu is held.
func newCall(p *Phone, running context.Context, incoming bool, peer office.Party) *Call {
	c := &Call{
		id: office.NewID(), phone: p, incoming: incoming, peer: peer, voice: newVoice(p.echo, p.cfg.Without), running: running,
		answer: make(chan struct{}, 1), digits: make(chan rune, maxDigits), done: make(chan struct{}),
		status: Status{State: Dialing, StartedAt: time.Now()},
	}
	if incoming {
		c.status.State = Ringing
	}
	c.want, c.hangUp = context.WithCancel(running)
	c.sounding, c.silence = context.WithCancel(context.Background())
	return c
}

// ID names the call in this process.
func (c *Call) ID() office.ID { return c.id }

// Incoming reports whether the other side placed the call.
func (c *Call) Incoming() bool { return c.incoming }

// Peer is the other side: the number that was dialled, or the caller.
func (c *Call) Peer() office.Party { return c.peer }

// Done is closed when the call is over and its sound device is closed.
func (c *Call) Done() <-chan struct{} { return c.done }

// Answer takes an incoming call that rings.
func (c *Call) Answer() {
	select {
	case c.answer <- struct{}{}:
	default: // it was asked before
	}
}

// Decline refuses an incoming call that rings. It is Hangup under the name that
// a person would use.
func (c *Call) Decline() { c.hangUp() }

// Hangup ends the call in any state: it cancels an outgoing call that nobody
// has answered, and declines an incoming one.
func (c *Call) Hangup() { c.hangUp() }

// Mute stops or resumes sending what the microphone hears; meanwhile silence is
// sent.
func (c *Call) Mute(on bool) {
	c.voice.muted.Store(on)
	c.update(func(s *Status) { s.Muted = on })
}

// SendDigit sends a key of the telephone keypad: 0–9, *, #, A–D. Digits are
// sent one after the other, in order. It returns ErrDigit for any other rune,
// and ErrNotActive while nobody has answered or 64 digits are waiting already.
func (c *Call) SendDigit(d rune) error {
	if !strings.ContainsRune("0123456789*#ABCD", d) {
		return ErrDigit
	}
	if c.Status().State != Active {
		return ErrNotActive
	}
	select {
	case c.digits <- d:
		return nil
	default:
		return ErrNotActive
	}
}

// Status returns how the call stands now.
func (c *Call) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Stats returns the counts so far; the zero Stats before the call is Active.
func (c *Call) Stats() Stats {
	c.mu.Lock()
	leg := c.leg
	c.mu.Unlock()
	if leg == nil {
		return Stats{}
	}
	l, p := leg.Stats(), c.voice.playout.Stats()
	return Stats{
		Sent: l.SentPackets, Received: l.ReceivedPackets, Lost: l.Lost, Late: uint64(p.Late),
		Jitter: time.Duration(l.Jitter * float64(time.Second)), Delay: p.Delay, Concealed: p.Concealed,
		Codec: leg.Codec().Name,
	}
}

// update changes the status and tells of it, unless the call is over.
func (c *Call) update(change func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.State == Ended {
		return
	}
	change(&c.status)
	s := c.status
	c.phone.events.post(func() { c.phone.cfg.OnCall(c, s) }) // under mu: in order
}

// note changes the status of a call that is about to change state anyway, and
// does not tell of it.
func (c *Call) note(change func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.status)
}

// carry runs the sound device until the call needs it no more. It does not wait
// for the device to open.
func (c *Call) carry() {
	s := media.Stream{
		Rate: rate, Source: c.voice.source, Sink: c.voice.sink,
		Trouble: func(err error) { c.update(func(s *Status) { s.AudioErr = err }) },
	}
	c.sounds.Go(func() {
		c.phone.sound.Lock()
		defer c.phone.sound.Unlock()
		if c.sounding.Err() != nil {
			return
		}
		if err := c.phone.cfg.Audio.Run(c.sounding, s); err != nil && c.sounding.Err() == nil {
			s.Trouble(err)
		}
	})
}
