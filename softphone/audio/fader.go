package audio

import (
	"math"
	"sync/atomic"
)

// A fader makes sound louder or softer, as the user chose, without clicks, and
// keeps what gets too loud from being cut off: it turns itself down at once and
// up again slowly. It is used by one goroutine or callback, and does not allocate.
type fader struct {
	settings *atomic.Pointer[Settings]
	purpose  purpose

	volume int     // that target stands for
	target float32 // gain that is on its way
	now    float32 // gain of the last sample
	step   float32 // by how much of the way now nears target with each sample
	peak   float32 // how loud it was lately, falling
	fall   float32 // by what peak is multiplied with each sample
}

const (
	fadeTime   = 0.005 // seconds, to 63 % of a change
	limitTime  = 0.100 // seconds, in which the limiter lets go to 37 %
	fullScale  = math.MaxInt16
	nearEnough = 1e-5 // of a gain, below which a fade is over
)

func newFader(settings *atomic.Pointer[Settings], p purpose, rate int) *fader {
	f := &fader{settings: settings, purpose: p}
	f.volume = settings.Load().of(p).Volume
	f.target = gain(f.volume)
	f.now = f.target
	f.step = float32(1 - math.Exp(-1/(fadeTime*float64(rate))))
	f.fall = float32(math.Exp(-1 / (limitTime * float64(rate))))
	return f
}

// apply changes frame in place.
func (f *fader) apply(frame []int16) {
	if v := f.settings.Load().of(f.purpose).Volume; v != f.volume {
		f.volume, f.target = v, gain(v)
	}
	if f.now == 1 && f.target == 1 {
		f.peak = 0
		return
	}
	for i, s := range frame {
		if f.now += (f.target - f.now) * f.step; max(f.now-f.target, f.target-f.now) < nearEnough {
			f.now = f.target
		}
		x := float32(s) * f.now
		if f.peak = max(f.peak*f.fall, x, -x); f.peak > fullScale {
			x *= fullScale / f.peak
		}
		frame[i] = int16(max(-fullScale, min(fullScale, math.Round(float64(x)))))
	}
}
