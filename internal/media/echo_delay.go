package media

import "math"

const (
	delayBlocks = 38 // frames back that are looked at
	lowestBin   = 6  // 300 Hz
	delayBins   = 64 // up to 3.5 kHz
	// delayMemory is what is left of a finding after a frame of speech.
	delayMemory = 0.985
	// loudBlock is the power of a frame of the reference that is worth a look.
	loudBlock = 100 * 100.0
	// powerMemory is how many frames the mean power of a bin is made of.
	powerMemory = 50

	// What it takes to believe a delay: frames of speech, how many times better it
	// is than any other, and that it is no accident.
	fewestSeen = 15
	clearly    = 1.6
	faintest   = 0.06
	faintSeen  = 3.0 // divided by the frames: of few, more is asked
)

// A delayFinder finds how late the microphone hears what was played. It compares
// the spectra of the microphone's frames with those of the frames that were played
// up to 370 ms before, each bin against its own mean, and adds up what agrees in
// phase. It is used by one goroutine.
type delayFinder struct {
	transform *transform
	window    [2 * echoFrame]float64
	frame     [2 * echoFrame]float64
	mic, ref  [2 * echoFrame]float64 // the last two frames
	spectrum  [echoFrame + 1]complex128

	played   [delayBlocks][delayBins]complex128 // the newest at head
	head     int
	last     int // frames since the last one that was loud
	cross    [delayBlocks][delayBins]complex128
	micPower [delayBins]float64
	refPower [delayBins]float64
	micSeen  float64 // frames that micPower is made of, up to a memory
	refSeen  float64
	seen     float64 // frames of speech that cross is made of
}

func newDelayFinder() *delayFinder {
	f := &delayFinder{transform: newTransform(2 * echoFrame), last: delayBlocks}
	for i := range f.window {
		f.window[i] = 0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/echoFrame)
	}
	return f
}

// forget starts anew.
func (f *delayFinder) forget() {
	f.cross = [delayBlocks][delayBins]complex128{}
	f.seen = 0
}

// hear takes a frame of the microphone and the newest frame that was played.
func (f *delayFinder) hear(mic, ref []int16) {
	f.head = (f.head + delayBlocks - 1) % delayBlocks
	played := &f.played[f.head]
	f.analyse(played[:], &f.ref, ref)
	var power float64
	for _, s := range f.ref[echoFrame:] {
		power += s * s
	}
	f.last++
	if power < loudBlock*echoFrame {
		*played = [delayBins]complex128{}
	} else {
		f.last = 0
		level(played[:], f.refPower[:], &f.refSeen)
	}
	var heard [delayBins]complex128
	f.analyse(heard[:], &f.mic, mic)
	if f.silent() {
		return
	}
	level(heard[:], f.micPower[:], &f.micSeen)
	f.seen = f.seen*delayMemory + 1
	for d := range f.cross {
		cross, played := &f.cross[d], &f.played[(f.head+d)%delayBlocks]
		for k := range cross {
			x, y := heard[k], played[k]
			cross[k] = complex(delayMemory*real(cross[k])+real(x)*real(y)+imag(x)*imag(y),
				delayMemory*imag(cross[k])+imag(x)*real(y)-real(x)*imag(y))
		}
	}
}

// silent reports whether nothing was played that could be heard now.
func (f *delayFinder) silent() bool { return f.last >= delayBlocks }

// analyse puts the spectrum of the last two frames into dst.
func (f *delayFinder) analyse(dst []complex128, last *[2 * echoFrame]float64, frame []int16) {
	copy(last[:], last[echoFrame:])
	for i, s := range frame {
		last[echoFrame+i] = float64(s)
	}
	for i, w := range f.window {
		f.frame[i] = w * last[i]
	}
	f.transform.forward(f.spectrum[:], f.frame[:])
	copy(dst, f.spectrum[lowestBin:])
}

// level divides each bin by the root of its mean power.
func level(bins []complex128, power []float64, seen *float64) {
	*seen = min(*seen+1, powerMemory)
	for k, x := range bins {
		power[k] += (real(x)*real(x) + imag(x)*imag(x) - power[k]) / *seen
		scale := 1 / math.Sqrt(power[k]+1)
		bins[k] = complex(real(x)*scale, imag(x)*scale)
	}
}

// find returns how late the echo begins, in samples and to a frame. It is false
// where nothing is heard that was played.
func (f *delayFinder) find() (samples int, ok bool) {
	if f.seen < fewestSeen {
		return 0, false
	}
	s := f.scores()
	best := 0
	for d := range s {
		if s[d] > s[best] {
			best = d
		}
	}
	for d := range s { // a room spreads an echo, but not far
		if (d < best-2 || d > best+4) && s[d]*clearly > s[best] {
			return 0, false
		}
	}
	for best > 0 && s[best-1] > s[best]/2 {
		best--
	}
	return best * echoFrame, s[best] > max(faintest, faintSeen/f.seen)
}

// scores returns how well each delay, in frames, agrees with what was heard: 1 is a
// pure echo.
func (f *delayFinder) scores() (s [delayBlocks]float64) {
	for d := range f.cross {
		for _, c := range f.cross[d] {
			s[d] += real(c)*real(c) + imag(c)*imag(c)
		}
		s[d] /= delayBins * f.seen * f.seen
	}
	return s
}
