package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A line is a call in virtual time: a phone whose clock is off by ppm sends a
// sine, the network delays and loses, a sound card pulls.
type line struct {
	p       *Playout
	rate    int
	ppm     float64
	network func(i int) (delay time.Duration, lost bool) // of packet i
	ssrc    uint32
	offset  uint32 // of the timestamps
	tone    []int16

	now    time.Duration // by the sound card
	sent   int           // packets
	flying []flight
}

type flight struct {
	at   time.Duration
	seq  uint16
	ts   uint32
	ssrc uint32
	pcm  []int16
}

const linePacket = 20 * time.Millisecond

func newLine(rate int, ppm float64, network func(i int) (time.Duration, bool)) *line {
	tone := make([]int16, 200) // 11 periods: 440 Hz at 8 kHz
	for i := range tone {
		tone[i] = int16(8000 * math.Sin(2*math.Pi*11*float64(i)/200))
	}
	return &line{p: NewPlayout(rate), rate: rate, ppm: ppm, network: network, ssrc: 7, offset: math.MaxUint32 - 4000, tone: tone}
}

// sendTime returns by the sound card's clock when sample n was spoken.
func (l *line) sendTime(n float64) time.Duration {
	return time.Duration(n / float64(l.rate) * (1 + l.ppm/1e6) * float64(time.Second))
}

// run passes d of time and returns what was heard.
func (l *line) run(d time.Duration) []int16 {
	var heard []int16
	out := make([]int16, l.rate/100)
	size := int(linePacket.Seconds() * float64(l.rate))
	for end := l.now + d; l.now < end; l.now += 10 * time.Millisecond {
		for {
			ready := l.sendTime(float64((l.sent + 1) * size))
			if ready > l.now {
				break
			}
			delay, lost := l.network(l.sent)
			if !lost {
				at := l.sent * size % len(l.tone)
				pcm := append(l.tone[at:len(l.tone):len(l.tone)], l.tone...)[:size]
				l.flying = append(l.flying, flight{ready + delay, uint16(l.sent), l.offset + uint32(l.sent*size), l.ssrc, pcm})
			}
			l.sent++
		}
		rest := l.flying[:0]
		for _, f := range l.flying {
			if f.at > l.now {
				rest = append(rest, f)
				continue
			}
			l.p.Push(f.ssrc, f.seq, f.ts, f.pcm)
		}
		l.flying = rest
		l.p.Pull(out)
		heard = append(heard, out...)
	}
	return heard
}

// delay returns how long ago the sample was spoken that is heard now.
func (l *line) delay() time.Duration {
	return l.now - l.sendTime(float64(l.p.next-l.offset))
}

func steady(d time.Duration) func(int) (time.Duration, bool) {
	return func(int) (time.Duration, bool) { return d, false }
}

// meanDelay passes d and returns the mean of the delay meanwhile.
func (l *line) meanDelay(d time.Duration) time.Duration {
	var sum time.Duration
	n := int(d / (100 * time.Millisecond))
	for range n {
		l.run(100 * time.Millisecond)
		sum += l.delay()
	}
	return sum / time.Duration(n)
}

func TestPlayoutDoesNotDrift(t *testing.T) {
	// Half an hour is much work for the race detector: few samples a second do.
	for _, ppm := range []float64{-200, 0, 200} {
		noise := rand.New(rand.NewPCG(1, 2))
		l := newLine(2000, ppm, func(int) (time.Duration, bool) {
			return 20*time.Millisecond + time.Duration(noise.ExpFloat64()*2e6), false
		})
		l.run(20 * time.Second)
		first := l.meanDelay(2 * time.Minute)
		l.run(26 * time.Minute)
		last := l.meanDelay(2 * time.Minute)
		if d := (last - first).Abs(); d > 5*time.Millisecond {
			t.Errorf("%+.0f ppm: delay went from %v to %v in 30 minutes", ppm, first, last)
		}
		s := l.p.Stats()
		if last > 80*time.Millisecond || s.Delay > 60*time.Millisecond {
			t.Errorf("%+.0f ppm: delay is %v, the buffer holds %v", ppm, last, s.Delay)
		}
		if s.Lost != 0 || s.Late > s.Received/1000 || s.Concealed > 3*time.Second {
			t.Errorf("%+.0f ppm: %+v", ppm, s)
		}
		t.Logf("%+.0f ppm: %v → %v, %+v", ppm, first, last, s)
	}
}

func TestPlayoutAdaptsToJitter(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	jitter := 0 * time.Millisecond
	l := newLine(8000, 0, func(int) (time.Duration, bool) {
		return time.Duration(noise.Float64() * float64(jitter)), false
	})
	calm := l.meanDelay(20 * time.Second)
	if calm > 60*time.Millisecond { // 20 ms of it are the packet itself
		t.Errorf("without jitter the delay is %v", calm)
	}
	jitter = 100 * time.Millisecond
	l.run(10 * time.Second)
	before := l.p.Stats()
	rough := l.meanDelay(20 * time.Second)
	after := l.p.Stats()
	if rough < 90*time.Millisecond || rough > 180*time.Millisecond {
		t.Errorf("with 100 ms of jitter the delay is %v", rough)
	}
	if c := after.Concealed - before.Concealed; c > 200*time.Millisecond {
		t.Errorf("with 100 ms of jitter %v of 20 s had to be guessed", c)
	}
	jitter = 0
	l.run(20 * time.Second)
	if again := l.meanDelay(5 * time.Second); again > 60*time.Millisecond {
		t.Errorf("after the jitter the delay stayed at %v", again)
	}
}

func TestPlayoutReordersAndDropsDuplicates(t *testing.T) {
	l := newLine(8000, 0, func(i int) (time.Duration, bool) {
		if i%4 == 0 {
			return 25 * time.Millisecond, false // overtaken by the next
		}
		return 0, false
	})
	l.run(5 * time.Second)
	heard := l.run(5 * time.Second)
	if got := Level(heard, l.rate, 440); math.Abs(got-Loudness(heard)) > 0.1 {
		t.Errorf("the tone has %.1f of %.1f dB", got, Loudness(heard))
	}
	p := NewPlayout(8000)
	pcm := make([]int16, 160)
	for i := range 20 {
		p.Push(1, uint16(i), uint32(i*160), pcm)
		p.Push(1, uint16(i), uint32(i*160), pcm)
		p.Pull(make([]int16, 160))
	}
	if s := p.Stats(); s.Late < 19 || s.Lost != 0 {
		t.Errorf("duplicates: %+v", s)
	}
}

func TestPlayoutConcealsLoss(t *testing.T) {
	l := newLine(8000, 0, func(i int) (time.Duration, bool) { return 0, i%20 == 10 })
	l.run(2 * time.Second)
	before := l.p.Stats()
	heard := l.run(10 * time.Second)
	s := l.p.Stats()
	if lost := s.Lost - before.Lost; lost < 24 || lost > 26 {
		t.Errorf("%d packets counted as lost, not 25", lost)
	}
	full := 20 * math.Log10(8000.0/32767)
	if got := Level(heard, l.rate, 440); got < full-1 {
		t.Errorf("with 5 %% loss the tone has %.1f dB, %.1f were sent", got, full)
	}
	if step := maxStep(heard); step > 8000 {
		t.Errorf("a step of %d was heard", step)
	}
}

// maxStep returns the greatest change from one sample to the next.
func maxStep(pcm []int16) int {
	step := 0
	for i := range pcm[1:] {
		step = max(step, int(pcm[i+1])-int(pcm[i]), int(pcm[i])-int(pcm[i+1]))
	}
	return step
}

func TestPlayoutFadesWhenNothingComes(t *testing.T) {
	gone := false
	l := newLine(8000, 0, func(int) (time.Duration, bool) { return 0, gone })
	l.run(2 * time.Second)
	gone = true
	l.run(200 * time.Millisecond)
	if got := Loudness(l.run(time.Second)); got > -100 {
		t.Errorf("after the end there is still %.0f dB", got)
	}
}

func TestPlayoutFollowsJumps(t *testing.T) {
	for name, jump := range map[string]func(l *line){
		"another source":            func(l *line) { l.ssrc, l.offset = 99, 123456 },
		"forwards by an hour":       func(l *line) { l.offset += 3600 * 8000 },
		"forwards by half a second": func(l *line) { l.offset += 4000 },
		"back by an hour":           func(l *line) { l.offset -= 3600 * 8000 },
		"back by half a second":     func(l *line) { l.offset -= 4000 },
	} {
		l := newLine(8000, 0, steady(0))
		l.run(5 * time.Second)
		jump(l)
		l.run(110 * time.Millisecond) // 10 of them until the first packet after the jump
		heard := l.run(500 * time.Millisecond)
		if got, want := Level(heard, l.rate, 440), 20*math.Log10(8000.0/32767); got < want-0.5 {
			t.Errorf("%s: 100 ms later the tone has %.1f dB, %.1f were sent", name, got, want)
		}
		if d := l.delay(); d > 80*time.Millisecond || d < 0 {
			t.Errorf("%s: the delay became %v", name, d)
		}
	}
}

func TestPlayoutIgnoresOneStray(t *testing.T) {
	l := newLine(8000, 0, steady(0))
	l.run(2 * time.Second)
	l.p.Push(666, 1, 1, make([]int16, 160))
	heard := l.run(time.Second)
	if got, want := Level(heard, l.rate, 440), 20*math.Log10(8000.0/32767); got < want-0.1 {
		t.Errorf("the tone has %.1f dB, %.1f were sent", got, want)
	}
}

func TestPlayoutRecoversFromStall(t *testing.T) {
	// The network holds everything back for a second, then delivers it at once.
	l := newLine(8000, 0, steady(0))
	l.network = func(i int) (time.Duration, bool) {
		sent := time.Duration(i+1) * linePacket
		return max(0, min(time.Second, 6*time.Second-sent)) * time.Duration(b2i(sent >= 5*time.Second && sent < 6*time.Second)), false
	}
	l.run(6100 * time.Millisecond)
	if got := Level(l.run(500*time.Millisecond), l.rate, 440); got < -13 {
		t.Errorf("100 ms after the stall the tone has %.1f dB", got)
	}
	l.run(10 * time.Second)
	if d := l.delay(); d > 60*time.Millisecond {
		t.Errorf("ten seconds later the delay is %v", d)
	}
	// The sound card pauses for three seconds.
	out := l.p
	for i := range 150 {
		out.Push(l.ssrc, uint16(l.sent+i), l.offset+uint32((l.sent+i)*160), make([]int16, 160))
	}
	l.sent += 150
	l.now += 3 * time.Second
	l.run(200 * time.Millisecond)
	if got := Level(l.run(500*time.Millisecond), l.rate, 440); got < -13 {
		t.Errorf("after the card's pause the tone has %.1f dB", got)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestPlayoutPullDoesNotAllocate(t *testing.T) {
	l := newLine(8000, 150, steady(5*time.Millisecond))
	l.run(3 * time.Second)
	out := make([]int16, 80)
	if n := testing.AllocsPerRun(1000, func() { l.p.Pull(out) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzPlayout(f *testing.F) {
	f.Add([]byte{0, 0, 0, 160, 1, 0, 0, 160, 3, 9, 9, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := NewPlayout(8000)
		pcm, out := make([]int16, 4*255), make([]int16, 80)
		for ; len(data) >= 4; data = data[4:] {
			p.Push(uint32(data[0]%3), uint16(data[1]), uint32(data[2])<<24|uint32(data[1])*160, pcm[:4*int(data[3])])
			if data[0]%2 == 0 {
				p.Pull(out)
			}
		}
		if d := p.Stats().Delay; d > time.Second || d < -time.Second {
			t.Errorf("delay %v", d)
		}
	})
}
