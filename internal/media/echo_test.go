//go:build speexdsp

package media

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"
)

func newDesk(t testing.TB, r room, played []int16) *desk {
	e := NewEcho()
	t.Cleanup(e.Close)
	return &desk{Echo: e, ppm: r.ppm, played: played}
}

// seconds returns a part of sound.
func seconds(sound []int16, from, to float64) []int16 {
	return sound[min(len(sound), int(from*echoRate)):min(len(sound), int(to*echoRate))]
}

// enhancement returns by how much softer the echo became in that part, in dB.
func enhancement(mic, out []int16, from, to float64) float64 {
	return Loudness(seconds(mic, from, to)) - Loudness(seconds(out, from, to))
}

func TestEchoIsTakenOut(t *testing.T) {
	rooms := []room{ // two cards of ±200 ppm each are 400 ppm apart at worst
		{delay: 0, rt60: 0.10, erl: 0},
		{delay: 640, rt60: 0.25, erl: 5},
		{delay: 4800, rt60: 0.25, erl: 0},
		{delay: 0, ppm: 200, rt60: 0.20, erl: 5},
		{delay: 640, ppm: -200, rt60: 0.10, erl: 10},
		{delay: 1920, ppm: 60, rt60: 0.20, erl: 0},
		{delay: 2000, ppm: -60, rt60: 0.15, erl: 10},
		{delay: 4800, ppm: -400, rt60: 0.20, erl: 5},
	}
	var mean float64
	for i, r := range rooms {
		played := spanish(t, 10*time.Second, 17*i)
		mic := r.echo(played)
		d := newDesk(t, r, played)
		out := d.hear(mic)
		begin := 2.0
		if math.Abs(r.ppm) > 200 {
			begin = 4 // a clock that far off takes twice as long
		}
		soon, steady := enhancement(mic, out, begin, begin+1), enhancement(mic, out, 4, 10)
		mean += steady / float64(len(rooms))
		t.Logf("%+v: %.1f dB in the first second, then %.1f, from %v s on %.1f, steady %.1f, drift %.1f ppm",
			r, enhancement(mic, out, 0, 1), enhancement(mic, out, 1, 2), begin, soon, steady, d.learned())
		if soon < 20 {
			t.Errorf("%+v: after %v s the echo is down by %.1f dB only", r, begin, soon)
		}
		if steady < 25 { // in one room; sounds that were never heard before come through
			t.Errorf("%+v: later the echo is down by %.1f dB only", r, steady)
		}
		if off := d.learned() - r.ppm; math.Abs(off) > 10 {
			t.Errorf("%+v: the drift was missed by %.1f ppm", r, off)
		}
	}
	if mean < 30 {
		t.Errorf("in the mean the echo is down by %.1f dB only", mean)
	}
}

// share returns how much of near is in out, which is a frame late, in dB.
func share(out, near []int16, late int) float64 {
	var both, alone float64
	for i := range len(out) - late {
		both += float64(out[i+late]) * float64(near[i])
		alone += float64(near[i]) * float64(near[i])
	}
	return 20 * math.Log10(math.Abs(both)/alone)
}

func TestEchoLeavesTheSpeaker(t *testing.T) {
	near := spanish(t, 12*time.Second, 100)
	clear(near[:4*echoRate]) // the room is known by then
	quiet := mix(near, room{rt60: 0.1}.echo(make([]int16, len(near))))
	alone := newDesk(t, room{}, make([]int16, len(near))).hear(quiet)
	for _, r := range []room{
		{delay: 640, rt60: 0.10, erl: 10},
		{delay: 1920, ppm: 60, rt60: 0.15, erl: 5},
		{delay: 4800, ppm: -200, rt60: 0.20, erl: 0},
	} {
		t.Run(fmt.Sprintf("%d ms %v ppm %v s %v dB", r.delay/16, r.ppm, r.rt60, r.erl), func(t *testing.T) {
			t.Parallel()
			played := spanish(t, 12*time.Second, 3)
			echo := r.echo(played)
			d := newDesk(t, r, played)
			both := d.hear(mix(echo, near))
			late := 0
			if d.early {
				late = shortestLead
			}
			level := Loudness(seconds(both, 5, 12)) - Loudness(seconds(alone, 5, 12))
			likeness := share(seconds(both, 5, 12), seconds(near, 5, 12), echoFrame+late) - share(seconds(alone, 5, 12), seconds(near, 5, 12), echoFrame)
			t.Logf("near end %+.2f dB, its likeness %+.2f dB", level, likeness)
			if math.Abs(level) > 1 || likeness < -2 { // the lowest tones come out turned
				t.Errorf("whoever speaks here is %+.2f dB louder and %+.2f dB like himself when the other side speaks too", level, likeness)
			}
		})
	}
}

func TestEchoFollowsADelayThatJumps(t *testing.T) {
	for _, c := range [][2]int{{1920, 4320}, {4000, 640}} {
		played := spanish(t, 14*time.Second, 50)
		before, after := room{delay: c[0], rt60: 0.15, erl: 5}, room{delay: c[1], rt60: 0.15, erl: 5}
		mic := append(before.echo(played)[:5*echoRate], after.echo(played)[5*echoRate:]...)
		d := newDesk(t, before, played)
		out := d.hear(mic[:7*echoRate])
		if early := d.place(c[1]); early < 0 || early > latest {
			t.Errorf("%d → %d ms: after 2 s the echo is looked for %d samples before it comes", c[0]/16, c[1]/16, early)
		}
		out = append(out, d.hear(mic[7*echoRate:])...)
		if steady := enhancement(mic, out, 9, 14); steady < 30 {
			t.Errorf("%d → %d ms: the echo is down by %.1f dB only", c[0]/16, c[1]/16, steady)
		}
	}
}

// place returns how much later an echo of that delay comes than the reference.
func (d *desk) place(delay int) int {
	ahead := int(d.reference.clock) - d.now // the clock is where samples come in
	late := delay + ahead - d.reference.lead
	if d.early {
		late += shortestLead
	}
	return late
}

func TestEchoSurvivesTheDevices(t *testing.T) {
	r := room{delay: 1920, rt60: 0.15, erl: 5}
	played := spanish(t, 11*time.Second, 70)
	mic := r.echo(played)
	t.Run("in bursts", func(t *testing.T) { // both cards take 30 ms at once, and not at the same time
		d := newDesk(t, r, played)
		out := append([]int16(nil), mic...)
		for i := 0; i+3*echoFrame <= len(out); i += 3 * echoFrame {
			for d.at < i+5*echoFrame && d.at+echoFrame <= len(played) {
				d.play1()
			}
			for k := i; k < i+3*echoFrame; k += echoFrame {
				d.Heard(out[k : k+echoFrame])
			}
		}
		if got := enhancement(mic, out, 4, 10); got < 30 {
			t.Errorf("the echo is down by %.1f dB only", got)
		}
	})
	t.Run("the speaker stops", func(t *testing.T) {
		for _, frames := range []int{100, 500} {
			d := newDesk(t, r, played)
			d.hear(mic[:4*echoRate])
			for range frames { // nothing is asked for, nothing is heard
				d.Heard(make([]int16, echoFrame))
			}
			rest := mic[4*echoRate:]
			out := d.hear(rest)
			if got := enhancement(rest, out, 2, 7); got < 20 {
				t.Errorf("%d ms afterwards the echo is down by %.1f dB only", 10*frames, got)
			}
		}
	})
	t.Run("the microphone misses a second", func(t *testing.T) {
		d := newDesk(t, r, played)
		d.hear(mic[:4*echoRate])
		d.now += echoRate
		d.play()
		rest := mic[5*echoRate:]
		out := d.hear(rest)
		if got := enhancement(rest, out, 2, 6); got < 30 {
			t.Errorf("afterwards the echo is down by %.1f dB only", got)
		}
	})
	t.Run("the microphone stops for a minute", func(t *testing.T) { // the ring runs over
		d := newDesk(t, r, append(make([]int16, 60*echoRate), played...))
		d.now = 60 * echoRate
		d.play()
		out := d.hear(mic)
		if got := enhancement(mic, out, 4, 10); got < 30 {
			t.Errorf("afterwards the echo is down by %.1f dB only", got)
		}
	})
}

// play1 plays one frame.
func (d *desk) play1() {
	d.Played(d.played[d.at : d.at+echoFrame])
	d.at += echoFrame
}

func TestEchoWithoutAnEcho(t *testing.T) {
	// A headset: whoever speaks here is heard as he is, whatever is played.
	near := spanish(t, 8*time.Second, 120)
	for _, start := range []int{3, 90} {
		d := newDesk(t, room{}, spanish(t, 8*time.Second, start))
		out := d.hear(near)
		if got := share(seconds(out, 1, 8), seconds(near, 1, 8), echoFrame); math.Abs(got) > 1 {
			t.Errorf("with %d played the speaker is %.2f dB off", start, got)
		}
	}
}

func TestEchoThatEnds(t *testing.T) {
	// A headset is put in in the middle of a call.
	r := room{delay: 1920, rt60: 0.15, erl: 5}
	played := spanish(t, 24*time.Second, 30)
	d := newDesk(t, r, played)
	d.hear(r.echo(played)[:4*echoRate])
	near := spanish(t, 19*time.Second, 120)
	out := d.hear(near)
	if got := share(seconds(out, 14, 18), seconds(near, 14, 18), echoFrame); math.Abs(got) > 1 {
		t.Errorf("the speaker is %.2f dB off", got)
	}
}

func TestEchoTakesNoiseOut(t *testing.T) {
	noise := louder(room{rt60: 0.1}.echo(make([]int16, 6*echoRate)), -50)
	voice := append(make([]int16, 3*echoRate), spanish(t, 3*time.Second, 9)...)
	mic := mix(noise, voice)
	for _, on := range []bool{false, true} {
		d := newDesk(t, room{}, nil)
		d.Use(true, on)
		out := d.hear(mic)
		quiet, speech := enhancement(mic, out, 1.5, 3), share(seconds(out, 3, 6), seconds(voice, 3, 6), echoFrame)
		t.Logf("noise %.1f dB down, voice %.2f dB", quiet, speech)
		if on != (quiet > 10) || !on && quiet > 1 || speech < -1.5 {
			t.Errorf("switched on %v: noise is down by %.1f dB and the voice by %.1f", on, quiet, -speech)
		}
	}
}

func TestEchoSwitchedOff(t *testing.T) {
	mic := spanish(t, time.Second, 5)
	d := newDesk(t, room{}, mic)
	d.Use(false, false)
	if out := d.hear(mic); fmt.Sprint(out) != fmt.Sprint(mic[:len(out)]) {
		t.Error("what is switched off changes the sound")
	}
	d.Use(true, true)
	d.Close()
	d.Close()
	d.Use(true, false)
	if out := d.hear(mic); fmt.Sprint(out) != fmt.Sprint(mic[:len(out)]) {
		t.Error("what is closed changes the sound")
	}
	odd := append([]int16(nil), mic[:99]...)
	if d.Heard(odd); fmt.Sprint(odd) != fmt.Sprint(mic[:99]) {
		t.Error("what is no frame is changed")
	}
}

func TestEchoDoesNotAllocate(t *testing.T) {
	r := room{delay: 640, ppm: 60, rt60: 0.1}
	played := spanish(t, 4*time.Second, 0)
	mic := r.echo(played)
	d := newDesk(t, r, played)
	at := 0
	if n := testing.AllocsPerRun(300, func() {
		d.Played(played[at : at+echoFrame])
		d.Heard(mic[at : at+echoFrame])
		at += echoFrame
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestEchoByTwoThreads(t *testing.T) {
	played := spanish(t, 2*time.Second, 0)
	e := NewEcho()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; i+echoFrame <= len(played); i += echoFrame {
			e.Played(played[i : i+echoFrame])
		}
	})
	wg.Go(func() {
		frame := make([]int16, echoFrame)
		for range len(played) / echoFrame {
			e.Heard(frame)
		}
	})
	wg.Go(func() {
		for i := range 10 {
			e.Use(i%2 == 0, i%3 == 0)
		}
		e.Close()
	})
	wg.Wait()
}

func BenchmarkEcho(b *testing.B) { // one operation is a second of sound
	r := room{delay: 640, ppm: 60, rt60: 0.2, erl: 5}
	played := spanish(b, 10*time.Second, 0)
	mic := r.echo(played)
	d := newDesk(b, r, played)
	frame := make([]int16, echoFrame)
	at := 0
	for b.Loop() {
		for range 100 {
			copy(frame, mic[at:])
			d.Played(played[at : at+echoFrame])
			d.Heard(frame)
			at = (at + echoFrame) % (len(mic) - 2*echoFrame) / echoFrame * echoFrame
		}
	}
}
