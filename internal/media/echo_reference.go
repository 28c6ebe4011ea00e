package media

import "math"

const (
	// stillFrames without a sample played mean that the speaker has stopped.
	stillFrames = 10
	// Where the two devices are apart by stepSize more than usual for stepFrames,
	// one of them has left something out.
	stepSize   = 50 * echoRate / 1000
	stepFrames = 50
	// shiftFrames is how long the two devices are watched before the clock is shifted;
	// firstFrames in the beginning.
	shiftFrames, firstFrames = 200, 10
	longestGap               = 1 << 20
	// feedSize is how many samples the resampler gets at once.
	feedSize = 16
	// shortestLead is how far behind the clock can be read: what is played comes in
	// frames, and the resampler looks ahead.
	shortestLead = echoFrame + kernelAhead + feedSize + 9
)

// A reference is what was played, as the microphone's clock sees it: for each frame
// of the microphone there is one of the same length that was played a fixed time
// before. It survives that either side comes in bursts, stops and starts again.
// put may be called by another goroutine than the rest.
type reference struct {
	ring soundRing

	history [1 << 15]int16 // two seconds
	top     int64          // samples played so far; history holds the last of them
	clock   float64        // the place in what is played that is now
	usual   float64        // top - clock, as it mostly is
	still   int            // frames since top grew
	apart   int            // frames since top - clock was usual
	started bool

	window, widest int     // frames that are watched, and how many are to be
	lowest         float64 // the least of top - clock among these

	lead      int // samples behind the clock that are read
	resampler *Resampler
	next      int64 // the next sample for it
	lost      bool  // what was read last was not there
	pending   []int16
	feed      [feedSize]int16
}

func newReference() *reference {
	return &reference{
		widest:    firstFrames,
		lowest:    longestGap,
		lead:      shortestLead,
		resampler: NewResampler(echoRate, echoRate),
		pending:   make([]int16, 0, 2*echoFrame),
	}
}

// put takes what is played now. It neither blocks nor allocates.
func (r *reference) put(samples []int16) { r.ring.put(samples) }

// advance moves the clock on by a frame of the microphone, during which n samples
// are played by the speaker's clock.
func (r *reference) advance(n float64) {
	before := r.top
	for {
		at := r.top % int64(len(r.history))
		n := r.ring.take(r.history[at:])
		r.top += int64(n)
		if n == 0 {
			break
		}
	}
	if !r.started {
		r.started = r.top > 0
		r.clock = float64(r.top)
		r.seek(r.lead)
		return
	}
	r.clock += n
	if r.top > before {
		r.still = 0
	} else if r.still++; r.still >= stillFrames {
		r.move(float64(r.top) - r.usual) // time stands still where nothing is played
		return
	}
	gap := float64(r.top) - r.clock
	r.lowest = min(r.lowest, gap)
	if off := gap - r.usual; off > -stepSize && off < stepSize {
		r.apart = 0
		r.usual += off / 256
	} else if r.apart++; r.apart >= stepFrames {
		r.apart = 0
		r.move(r.clock + off)
	}
}

// move sets the clock, and what is read with it.
func (r *reference) move(clock float64) {
	r.clock = clock
	r.lost = true
}

// shift keeps the clock at the place where samples come in: whoever plays in bursts
// is behind it now and then, and a drift that nobody can hear makes it wander. It
// leaves what is read as it is, and reports whether it did anything.
func (r *reference) shift() bool {
	if r.window++; r.window < r.widest {
		return false
	}
	lowest := r.lowest
	r.window, r.lowest, r.widest = 0, longestGap, shiftFrames
	n := int(math.Floor(lowest/echoFrame)) * echoFrame
	if lowest == longestGap || n == 0 || n == echoFrame {
		return false
	}
	r.clock += float64(n)
	r.lead += n
	r.usual -= float64(n)
	return true
}

// seek makes the frames that are read from now on those of so many samples ago.
func (r *reference) seek(lead int) {
	r.lead = max(lead, shortestLead)
	r.next = max(0, int64(r.clock)-echoFrame-int64(r.lead)+kernelAhead)
	r.pending = r.pending[:0]
	r.lost = false
}

// read fills frame with what was played, ppm millionths faster than it was. What
// has not been played is silence.
func (r *reference) read(frame []int16, ppm float64) {
	if r.lost && int64(r.clock)-int64(r.lead)+kernelAhead+feedSize <= r.top {
		r.seek(r.lead)
	}
	r.resampler.SetDrift(ppm)
	for len(r.pending) < len(frame) && !r.lost {
		if r.next+feedSize > r.top {
			r.lost = true
			break
		}
		for i := range r.feed {
			r.feed[i] = r.history[(r.next+int64(i))%int64(len(r.history))]
		}
		r.next += feedSize
		r.pending = r.resampler.Process(r.pending, r.feed[:])
	}
	n := copy(frame, r.pending)
	clear(frame[n:])
	r.pending = r.pending[:copy(r.pending, r.pending[n:])]
}

// newest fills frame with what was played up to the clock.
func (r *reference) newest(frame []int16) {
	from := int64(r.clock) - int64(len(frame))
	for i := range frame {
		frame[i] = 0
		if at := from + int64(i); at >= 0 && at < r.top {
			frame[i] = r.history[at%int64(len(r.history))]
		}
	}
}
