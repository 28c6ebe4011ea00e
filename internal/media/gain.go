package media

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	gainTarget = -22.0 // dBFS of somebody who speaks
	gainSlack  = 3.0   // dB around it where nothing is changed
	gainMost   = 15.0  // dB up, and
	gainLeast  = -12.0 // dB down
	gainRise   = 2.0   // dB a second of speech: nobody hears it move
	gainFall   = 8.0
	// gainCeiling is where peaks are held, at once and for a moment only.
	gainCeiling = 29000.0
	// gainVoice is the time over which the loudness of speech is taken, and gainFirst
	// how much speech there must be before anything is done.
	gainVoice = 800 * time.Millisecond
	gainFirst = 300 * time.Millisecond
)

// A Gain brings whoever speaks to the same loudness, slowly, and only while he
// speaks: noise and pauses are left as they are, so it does not pump. Peaks never
// clip. Heard is called by one goroutine; Use by any.
type Gain struct {
	off    atomic.Bool
	rate   int
	speech *SilenceDetector
	voice  float64 // power of speech, lately
	spoken time.Duration
	gain   float64 // in dB
	factor float64 // what the last sample was multiplied by
}

// NewGain returns a Gain for that rate, which is on and has heard nothing yet.
func NewGain(rate int) *Gain {
	return &Gain{rate: rate, speech: NewSilenceDetector(rate), factor: 1}
}

// Use switches it on or off.
func (g *Gain) Use(on bool) { g.off.Store(!on) }

// Heard turns a frame up or down, in place. It does not allocate.
func (g *Gain) Heard(frame []int16) {
	if len(frame) == 0 {
		return
	}
	want := 1.0
	if !g.off.Load() {
		g.listen(frame)
		want = math.Pow(10, g.gain/20)
	}
	peak := 0.0
	for _, s := range frame {
		peak = max(peak, math.Abs(float64(s)))
	}
	if want > 1 && want*peak > gainCeiling {
		want = max(1, gainCeiling/peak)
		g.factor = min(g.factor, want)
	}
	step := (want - g.factor) / float64(len(frame))
	for i, s := range frame { // without a jump from frame to frame
		g.factor += step
		frame[i] = clip(float64(s) * g.factor)
	}
	g.factor = want
}

// listen decides on the gain.
func (g *Gain) listen(frame []int16) {
	if g.speech.Write(frame) > 0 {
		return
	}
	d := time.Duration(len(frame)) * time.Second / time.Duration(g.rate)
	var power float64
	for _, s := range frame {
		power += float64(s) * float64(s)
	}
	power /= float64(len(frame))
	g.spoken = min(g.spoken+d, gainVoice)
	g.voice += (power - g.voice) * float64(d) / float64(g.spoken)
	if g.spoken < gainFirst {
		return
	}
	off := gainTarget - decibel(math.Sqrt(2*g.voice)) - g.gain
	switch {
	case off > gainSlack:
		g.gain = min(gainMost, g.gain+min(off-gainSlack, gainRise*d.Seconds()))
	case off < -gainSlack:
		g.gain = max(gainLeast, g.gain+max(off+gainSlack, -gainFall*d.Seconds()))
	}
}
