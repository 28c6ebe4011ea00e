package audio

import (
	"math"
	"sync/atomic"
	"time"
)

// A Level is how loud the microphone was in the last tenth of a second, after its
// volume was applied. Both are in dBFS, where a sine of full scale has 0; -120 is
// silence, and no microphone.
type Level struct {
	Peak float64
	RMS  float64
}

const (
	quiet       = -120
	meterFrames = 10                     // of 10 ms, which one Level is about
	meterFresh  = 300 * time.Millisecond // an older one counts as silence
)

// A meter measures what one goroutine puts in, without allocating; anybody reads
// it. The zero value is ready.
type meter struct {
	levels atomic.Uint64 // peak and RMS as float32
	at     atomic.Int64  // when that was, in nanoseconds of the Unix epoch

	peak   int // owned by put, like all below
	energy float64
	count  int
	frames int
}

// put takes a frame that the microphone heard.
func (m *meter) put(frame []int16) {
	for _, s := range frame {
		m.peak = max(m.peak, int(s), -int(s))
		m.energy += float64(s) * float64(s)
	}
	m.count += len(frame)
	if m.frames++; m.frames < meterFrames {
		return
	}
	rms := math.Sqrt(2 * m.energy / float64(m.count))
	m.levels.Store(uint64(math.Float32bits(decibel(float64(m.peak))))<<32 | uint64(math.Float32bits(decibel(rms))))
	m.at.Store(time.Now().UnixNano())
	m.peak, m.energy, m.count, m.frames = 0, 0, 0, 0
}

// decibel returns the level of a sine of that amplitude.
func decibel(amplitude float64) float32 {
	return float32(max(quiet, 20*math.Log10(amplitude/fullScale)))
}

// level returns what was measured last.
func (m *meter) level() Level {
	if time.Since(time.Unix(0, m.at.Load())) > meterFresh {
		return Level{quiet, quiet}
	}
	v := m.levels.Load()
	return Level{Peak: float64(math.Float32frombits(uint32(v >> 32))), RMS: float64(math.Float32frombits(uint32(v)))}
}
