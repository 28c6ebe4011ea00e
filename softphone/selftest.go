package softphone

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// What is in this binary: for diagnostics.
const (
	OpusLibrary   = media.OpusLibrary   // what encodes and decodes Opus
	EchoAvailable = media.EchoAvailable // without it a headset is needed
)

// EchoNumber is where an office repeats what it hears.
const EchoNumber office.Number = "*43"

// A Diagnosis is what a self test found. What it did not come to is zero.
type Diagnosis struct {
	Registration Registration
	Registering  time.Duration // how long it took
	Call         Status        // to EchoNumber; State is empty where there was none
	Quality      Quality       // of that call, with its RoundTrip
	Asked        int           // sounds that were sent
	Heard        int           // of them came back

	Microphone *DeviceCheck // nil: not looked at
	Speaker    *DeviceCheck
}

// A DeviceCheck is what became of a sound device that was tried.
type DeviceCheck struct {
	Err  error   // what is wrong with it
	Peak float64 // of a microphone, in dBFS; -120 is digital silence
}

// OK reports whether a person would be content with what was found.
func (d Diagnosis) OK() bool {
	for _, c := range []*DeviceCheck{d.Microphone, d.Speaker} {
		if c != nil && c.Err != nil {
			return false
		}
	}
	return d.Asked > 0 && d.Heard == d.Asked && d.Quality.Fault() == NoFault
}

// ErrNoSound is what is wrong with a microphone that is there, and gives only zeros:
// it is switched off, or the system lets nobody hear it.
const ErrNoSound Error = "the microphone gives no sound at all"

// SelfTest registers, calls EchoNumber, and listens for sounds that it sends there,
// without any sound device; then it tries devices, unless it is nil. cfg is that of a
// phone; its Audio and its callbacks are not used. The error is that of ctx, or of New;
// all else is in the Diagnosis.
func SelfTest(ctx context.Context, cfg Config, devices Audio) (Diagnosis, error) {
	p := newProbe()
	registered := make(chan Registration, 16)
	cfg.Audio, cfg.Without = p, AllStages
	cfg.OnIncoming, cfg.OnCall = nil, nil
	cfg.OnRegistration = func(r Registration) {
		select {
		case registered <- r:
		default: // enough is known
		}
	}
	phone, err := New(cfg)
	if err != nil {
		return Diagnosis{}, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- phone.Run(running) }()
	d := p.diagnose(ctx, phone, registered)
	stop()
	if err := errors.Join(<-ended, ctx.Err()); err != nil {
		return d, err
	}
	if devices != nil {
		d.Microphone, d.Speaker = try(ctx, devices, true), try(ctx, devices, false)
	}
	return d, ctx.Err()
}

// How long the parts of a self test may take.
const (
	registerPatience = 10 * time.Second
	answerPatience   = 10 * time.Second
	deviceTime       = 3 * time.Second // for which a device is tried
)

// diagnose goes as far as it can.
func (p *probe) diagnose(ctx context.Context, phone *Phone, registered <-chan Registration) (d Diagnosis) {
	began := time.Now()
	limit := time.After(registerPatience)
	for d.Registration.State != Registered {
		select {
		case d.Registration = <-registered:
			if d.Registration.State == Refused || d.Registration.Err != nil {
				return d
			}
		case <-limit:
			d.Registration.State = Offline
			return d
		case <-ctx.Done():
			return d
		}
	}
	d.Registering = time.Since(began)
	c, err := phone.Call(EchoNumber)
	if err != nil {
		return d
	}
	p.converse(ctx, c)
	c.Hangup()
	<-c.Done()
	d.Call, d.Quality = c.Status(), c.Quality()
	d.Asked, d.Heard, d.Quality.RoundTrip = p.result()
	d.Quality.Stalled = 0 // no device took part
	return d
}

// converse stays in the call until the probe has heard enough.
func (p *probe) converse(ctx context.Context, c *Call) {
	unanswered := time.NewTimer(answerPatience)
	defer unanswered.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for begun := false; ; {
		select {
		case <-look.C:
			if begun || c.Status().State != Active {
				continue
			}
			begun = c.SendDigit('1') == nil // cuts the announcement short
			unanswered.Stop()
			time.AfterFunc(announcement, p.begin)
		case <-p.done:
			return
		case <-c.Done():
			return
		case <-unanswered.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// try runs one side of the devices for a while.
func try(ctx context.Context, devices Audio, capture bool) *DeviceCheck {
	ctx, stop := context.WithTimeout(ctx, deviceTime)
	defer stop()
	var trouble error
	peak := 0
	s := media.Stream{Rate: rate, Trouble: func(err error) { trouble = err }}
	if capture {
		s.Sink = func(frame []int16) {
			for _, v := range frame {
				peak = max(peak, int(v), -int(v))
			}
		}
	} else {
		s.Source = func(frame []int16) { clear(frame) }
	}
	err := devices.Run(ctx, s) // afterwards nothing is called any more
	c := &DeviceCheck{Err: errors.Join(err, trouble), Peak: -120}
	if peak > 0 {
		c.Peak = 20 * math.Log10(float64(peak)/math.MaxInt16)
	} else if capture && c.Err == nil {
		c.Err = ErrNoSound
	}
	return c
}

// The sounds of a probe, one after the other, each after the one before came back or
// is given up.
const (
	announcement = time.Second // how long after the digit its last words may come
	probeHz      = 1000
	probeLevel   = -10 // dBFS
	probeSounds  = 10
	soundTime    = 100 * time.Millisecond
	restTime     = 400 * time.Millisecond // after which the next one is sent
	echoPatience = 2 * time.Second
	probeFrame   = rate / 100 // samples
)

// A probe is the Audio of a self test: it says sounds and hears when they come back, by
// a clock of its own. begin may be called by anybody, once; result when Run is over.
type probe struct {
	begun chan struct{}
	done  chan struct{} // closed when all sounds are through

	tone  *media.Generator // owned by Run, like all below
	trips []time.Duration
	asked int
	now   int // samples since Run began
	said  int // where the last sound began, in samples
	wait  bool
	rest  int // where the next sound may begin
}

func newProbe() *probe {
	return &probe{begun: make(chan struct{}), done: make(chan struct{})}
}

func (p *probe) begin() { close(p.begun) }

// Run implements Audio.
func (p *probe) Run(ctx context.Context, s media.Stream) error {
	pace := media.NewPacer(time.Now(), 10*time.Millisecond)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var frame [probeFrame]int16
	for {
		n, wait := pace.Next(time.Now())
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		p.now = int(n) * probeFrame
		s.Source(frame[:])
		p.hear(frame[:])
		p.speak(frame[:])
		s.Sink(frame[:])
	}
}

// hear looks for the sound that was said last.
func (p *probe) hear(frame []int16) {
	if !p.wait {
		return
	}
	if media.Level(frame, rate, probeHz) > probeLevel-12 {
		p.trips = append(p.trips, samplesTime(p.now-p.said))
		p.wait = false
		p.rest = p.now + samplesOf(soundTime+restTime)
	} else if p.now-p.said > samplesOf(echoPatience) {
		p.wait = false
		p.rest = p.now
	}
}

// speak fills frame with what is to be said.
func (p *probe) speak(frame []int16) {
	clear(frame)
	select {
	case <-p.begun:
	default:
		return
	}
	switch {
	case p.asked > 0 && p.now-p.said < samplesOf(soundTime):
		p.tone.Read(frame)
	case p.wait || p.now < p.rest:
	case p.asked < probeSounds:
		p.tone = media.Sine(probeHz, probeLevel).Generator(rate)
		p.tone.Read(frame)
		p.asked, p.said, p.wait = p.asked+1, p.now, true
	default:
		select {
		case <-p.done:
		default:
			close(p.done)
		}
	}
}

// result returns what was sent, what came back, and how long that took: the median.
func (p *probe) result() (asked, heard int, trip time.Duration) {
	if len(p.trips) == 0 {
		return p.asked, 0, 0
	}
	slices.Sort(p.trips)
	return p.asked, len(p.trips), p.trips[len(p.trips)/2]
}

func samplesOf(d time.Duration) int   { return int(d * rate / time.Second) }
func samplesTime(n int) time.Duration { return time.Duration(n) * time.Second / rate }
