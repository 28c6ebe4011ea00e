package media

import "sync"

const (
	echoRate  = 16000
	echoFrame = echoRate / 100
)

// A canceller takes an echo out of frames of 10 ms at 16 kHz. libspeexdsp is one.
// It is used by one goroutine and must be freed.
type canceller interface {
	// cancel puts into out what mic heard beside the echo of ref.
	cancel(out, mic, ref []int16)
	// polish takes what is left of the echo and noise out of frame, as chosen, and
	// delays it by a frame.
	polish(frame []int16)
	choose(echo, noise bool)
	// trust says whether the room is known by now: then polish leaves in peace
	// whoever speaks here.
	trust(room bool)
	// forget starts to learn the room anew.
	forget()
	free()
}

// An Echo takes out of what the microphone hears the echo of what the speaker
// plays, and noise. It finds by itself how late the echo is, up to 350 ms, also
// when that changes, and by how much the clocks of the two devices differ, up to
// 500 millionths. Sound is at 16 kHz in frames of 10 ms; it comes out 10 ms late,
// and 13 ms more where an echo comes within 23 ms of what is played. The library
// writes a line to the standard error where its filter went astray and starts anew.
// Played may be called by one goroutine and Heard by another; the rest is safe for
// concurrent use. The nil Echo, which builds without libspeexdsp have, leaves the
// sound as it is.
type Echo struct {
	reference *reference // put by Played, the rest guarded by mu

	mu        sync.Mutex // Played does not take it
	canceller canceller  // nil when closed
	echo      bool
	noise     bool
	drift     driftLoop
	finder    *delayFinder
	found     bool    // the delay is known
	frames    int     // since it was last looked at
	votes     int     // how often it was another one
	doubts    int     // how often there was none
	known     float64 // frames of echo since the room was new
	only      bool    // the last frame was nothing but echo
	gain      float64 // what the last sample was multiplied by
	ppm       float64
	ref, out  [echoFrame]int16

	// An echo that comes earlier than the reference can be had makes the microphone
	// wait by shortestLead: a machine that is so fast can afford it.
	early bool
	held  [shortestLead + echoFrame]int16
}

// NewEcho returns an Echo with both its stages on, which must be closed; nil where
// EchoAvailable is false.
func NewEcho() *Echo {
	if !EchoAvailable {
		return nil
	}
	e := &Echo{reference: newReference(), canceller: newCanceller(), finder: newDelayFinder(), gain: 1}
	e.Use(true, true)
	return e
}

// Use switches the stages on or off: the one that takes out the echo and the one
// that takes out noise. With both off the sound is not late either.
func (e *Echo) Use(echo, noise bool) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.echo, e.noise = echo, noise
	if e.canceller != nil {
		e.canceller.choose(echo && e.found, noise)
	}
}

// Played tells what the speaker gets. It is called by the clock of the sound card,
// on its thread: it neither blocks nor allocates.
func (e *Echo) Played(frame []int16) {
	if e != nil {
		e.reference.put(frame)
	}
}

// Heard takes the echo out of a frame of 10 ms, in place. It does not allocate.
func (e *Echo) Heard(frame []int16) {
	if e == nil || len(frame) != echoFrame {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reference.advance(echoFrame + e.drift.learned)
	if e.canceller == nil || !e.echo && !e.noise {
		return
	}
	if e.echo {
		e.reference.newest(e.ref[:])
		e.finder.hear(frame, e.ref[:])
		e.look()
		if e.early {
			copy(e.held[shortestLead:], frame)
			copy(frame, e.held[:])
			copy(e.held[:], e.held[echoFrame:])
		}
		e.reference.read(e.ref[:], e.ppm)
		e.canceller.cancel(e.out[:], frame, e.ref[:])
		e.ppm = 0
		sure := 0.0
		if e.found { // otherwise there is nothing to take out: a headset
			e.ppm, sure = e.drift.follow(frame, e.out[:])
			e.learn(sure)
			copy(frame, e.out[:])
		}
		e.canceller.polish(frame)
		e.hush(frame, sure > onlyEcho)
		return
	}
	e.canceller.polish(frame)
}

const (
	// onlyEcho is how much of a frame is known echo when nobody speaks here: all but
	// 7 dB less, what a canceller cannot take out of a real loudspeaker.
	onlyEcho = 0.7
	hushed   = 0.2 // what is left of such a frame
	hushStep = 0.4 // by which it goes there in a frame; it comes back at once
)

// hush turns frame, which is one later than what is told of it, down while nothing
// but echo is heard.
func (e *Echo) hush(frame []int16, only bool) {
	gain := 1.0
	if only && e.only {
		gain = max(hushed, e.gain-hushStep)
	}
	e.only = only
	step := (gain - e.gain) / echoFrame
	for i, s := range frame {
		e.gain += step
		frame[i] = clip(float64(s) * e.gain)
	}
	e.gain = gain
}

const (
	lookFrames = 5 // between two looks at the delay
	lookVotes  = 4 // looks in a row that see another one
	// lookDoubts are looks in a row, while something is played, that see none: it is
	// a headset now.
	lookDoubts = 200
	// The echo is to come so much later than the reference that is given to the
	// canceller, and may come no later than this.
	aim    = echoFrame
	latest = 3 * echoFrame
)

// look checks how late the echo is and turns to it when it is somewhere else.
func (e *Echo) look() {
	if e.reference.shift() {
		e.finder.forget()
	}
	if e.frames++; e.frames < lookFrames || e.finder.silent() {
		return
	}
	e.frames = 0
	delay, ok := e.finder.find()
	if !ok {
		if e.doubts++; e.found && e.doubts >= lookDoubts {
			e.find(false)
		}
		return
	}
	e.doubts = 0
	late := delay - e.reference.lead
	if e.early {
		late += shortestLead
	}
	if late >= 0 && late <= latest {
		e.votes = 0
		e.find(true)
		return
	}
	if e.votes++; e.found && e.votes < lookVotes {
		return
	}
	e.votes = 0
	e.find(true)
	e.early = delay < shortestLead+aim
	if e.early {
		delay += shortestLead
	}
	e.reference.seek(delay - aim)
	e.canceller.forget()
	e.canceller.trust(false)
	e.known = 0
}

// find says whether there is an echo.
func (e *Echo) find(found bool) {
	if e.found != found {
		e.found, e.doubts = found, 0
		e.canceller.choose(found, e.noise)
	}
}

// roomKnown is how many frames of an echo it takes to know a room.
const roomKnown = 200

// learn notes how much of a frame was an echo that was known.
func (e *Echo) learn(sure float64) {
	before := e.known
	e.known += sure
	if before < roomKnown && e.known >= roomKnown {
		e.canceller.trust(true)
	}
}

// Close lets go of the canceller's memory. What is heard afterwards stays as it is.
func (e *Echo) Close() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.canceller != nil {
		e.canceller.free()
		e.canceller = nil
	}
}
