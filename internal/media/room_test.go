//go:build speexdsp

package media

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// spanish returns that much Spanish speech at 16 kHz, at -20 dBFS over all, from the
// recordings that Debian installs; another start gives other words.
func spanish(t testing.TB, d time.Duration, start int) []int16 {
	t.Helper()
	files, err := filepath.Glob("/usr/share/asterisk/sounds/es_*/[a-z]*.g722")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Spanish speech in the system; the make target test brings it: %v", err)
	}
	var all []int16
	for i := start; len(all) < samplesIn(d, echoRate); i++ {
		data, err := os.ReadFile(files[i%len(files)])
		if err != nil {
			t.Fatal(err)
		}
		if s := decodeG722(data).Samples; len(s) > echoRate && Loudness(s) > -35 { // no beeps
			all = append(all, s...)
		}
	}
	return louder(all[:samplesIn(d, echoRate)], -20)
}

// louder brings sound to a level over all.
func louder(sound []int16, level float64) []int16 {
	g := math.Pow(10, (level-Loudness(sound))/20)
	out := make([]int16, len(sound))
	for i, s := range sound {
		out[i] = clip(g * float64(s))
	}
	return out
}

// A room is a loudspeaker, the walls and a microphone with a sound card of its own.
type room struct {
	delay int     // of the devices, in samples
	ppm   float64 // by which the speaker's clock is faster than the microphone's
	rt60  float64 // reverberation time in seconds
	erl   float64 // how much softer the echo is than what is played, in dB
}

func (r room) seed() *rand.Rand {
	return rand.New(rand.NewPCG(uint64(r.delay), uint64(1000*r.rt60+r.erl)))
}

// response returns the way from the loudspeaker to the microphone: a direct sound
// and noise that decays.
func (r room) response() []float64 {
	rng := r.seed()
	h := make([]float64, int(0.9*r.rt60*echoRate))
	var power float64
	for i := range h {
		h[i] = rng.NormFloat64() * math.Pow(10, -3*float64(i)/(r.rt60*echoRate))
		if i == 0 {
			h[i] = 4
		}
		power += h[i] * h[i]
	}
	for i := range h {
		h[i] *= math.Pow(10, -r.erl/20) / math.Sqrt(power)
	}
	return h
}

// echo returns what the microphone hears of what is played: a small loudspeaker that
// gives in, the room, and the noise of the microphone at -68 dBFS.
func (r room) echo(played []int16) []int16 {
	const small = 20000
	const half = 4096
	tr := newTransform(2 * half)
	response, block := make([]complex128, half+1), make([]float64, 2*half)
	copy(block, r.response())
	tr.forward(response, block)
	heard := make([]float64, r.delay+len(played)+2*half)
	spectrum := make([]complex128, half+1)
	for at := 0; at < len(played); at += half {
		clear(block)
		for i, s := range played[at:min(len(played), at+half)] {
			block[i] = small * math.Tanh(float64(s)/small)
		}
		tr.forward(spectrum, block)
		for k := range spectrum {
			spectrum[k] *= response[k]
		}
		tr.inverse(block, spectrum)
		for i, v := range block {
			heard[r.delay+at+i] += v
		}
	}
	rng := r.seed()
	out := make([]int16, len(played))
	for i := range out {
		out[i] = clip(heard[i] + 9*rng.NormFloat64())
	}
	if r.ppm == 0 {
		return out
	}
	clock := NewResampler(echoRate, echoRate)
	clock.SetDrift(r.ppm)
	return clock.Process(nil, out)
}

// mix adds sounds.
func mix(a, b []int16) []int16 {
	out := make([]int16, min(len(a), len(b)))
	for i := range out {
		out[i] = clip(float64(a[i]) + float64(b[i]))
	}
	return out
}

// A desk is an Echo between the two sound cards of a room, in virtual time: the
// speaker asks for a frame whenever it has none left.
type desk struct {
	*Echo
	ppm    float64
	played []int16
	at     int // samples that were played
	now    int // samples that were heard
}

// hear returns what comes out when the microphone hears mic.
func (d *desk) hear(mic []int16) []int16 {
	out := append([]int16(nil), mic...)
	for ; len(mic) >= echoFrame; mic = mic[echoFrame:] {
		i := len(out) - len(mic)
		d.now += echoFrame
		d.play()
		d.Heard(out[i : i+echoFrame])
	}
	return out[:len(out)-len(mic)]
}

func (d *desk) play() {
	for float64(d.at) < float64(d.now)*(1+1e-6*d.ppm) && d.at+echoFrame <= len(d.played) {
		d.Played(d.played[d.at : d.at+echoFrame])
		d.at += echoFrame
	}
}

// learned returns by how many millionths the speaker's clock is faster, as far as the
// Echo knows.
func (d *desk) learned() float64 { return 1e6 * d.drift.learned / echoFrame }
