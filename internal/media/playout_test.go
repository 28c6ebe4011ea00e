package media

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A line is a call in virtual time: a phone whose clock is off by ppm says
// something, the network delays and loses, a sound card pulls.
type line struct {
	p       *Playout
	codec   string
	ptime   time.Duration
	ppm     float64
	network func(i int) (delay time.Duration, lost bool) // of packet i
	voice   func(n int) int16                            // sample n
	ssrc    uint32
	seq     uint16
	ts      uint32

	format  *Format
	encoder Encoder
	now     time.Duration // by the sound card
	sent    int           // packets
	said    int           // samples
	flying  []flight
}

type flight struct {
	at time.Duration
	a  Arrival
}

const lineRate = 16000

func newLine(t testing.TB, codec string, network func(i int) (time.Duration, bool)) *line {
	l := &line{
		p: NewPlayout(lineRate), ptime: 20 * time.Millisecond, network: network,
		ssrc: 7, seq: math.MaxUint16 - 100, ts: math.MaxUint32 - 4000, voice: sineAt(440),
	}
	l.speak(t, codec)
	return l
}

// sineAt returns a voice at -12 dBFS that says but one thing.
func sineAt(hz float64) func(n int) int16 {
	return func(n int) int16 { return int16(8000 * math.Sin(2*math.Pi*hz*float64(n)/lineRate)) }
}

// speak changes the codec.
func (l *line) speak(t testing.TB, codec string) {
	var err error
	if l.format, err = NewFormat(codec); err != nil {
		t.Fatal(err)
	}
	if l.encoder, err = newEncoder(codec, lineRate); err != nil {
		t.Fatal(err)
	}
	l.codec = codec
}

// length returns how long the first n samples at lineRate take to be said, by the
// sound card.
func (l *line) length(n int) time.Duration {
	return time.Duration(float64(n) / lineRate * (1 + l.ppm/1e6) * float64(time.Second))
}

// run passes d of time and returns what was heard.
func (l *line) run(d time.Duration) []int16 {
	var heard []int16
	out := make([]int16, lineRate/100)
	for end := l.now + d; l.now < end; l.now += 10 * time.Millisecond {
		for l.length(l.said+samplesIn(l.ptime, lineRate)) <= l.now {
			l.send()
		}
		rest := l.flying[:0]
		for _, f := range l.flying {
			if f.at > l.now {
				rest = append(rest, f)
				continue
			}
			l.p.Push(f.a)
		}
		l.flying = rest
		l.p.Pull(out)
		heard = append(heard, out...)
	}
	return heard
}

// send sends the next packet.
func (l *line) send() {
	samples := make([]int16, samplesIn(l.ptime, lineRate))
	for i := range samples {
		samples[i] = l.voice(l.said + i)
	}
	l.said += len(samples)
	if rate := l.encoder.Rate(); rate != lineRate {
		samples = everySecond(samples)
	}
	payload := l.encoder.Encode(nil, samples)
	if delay, lost := l.network(l.sent); !lost {
		l.flying = append(l.flying, flight{l.length(l.said) + delay, Arrival{
			SSRC: l.ssrc, Sequence: l.seq, Timestamp: l.ts, Payload: payload, Format: l.format,
		}})
	}
	l.sent++
	l.seq++
	l.ts += uint32(samplesIn(l.ptime, l.format.clock))
}

// everySecond returns every second sample: the voices of these tests are low.
func everySecond(samples []int16) []int16 {
	half := make([]int16, len(samples)/2)
	for i := range half {
		half[i] = samples[2*i]
	}
	return half
}

func perfect(int) (time.Duration, bool) { return 0, false }

// full is how loud the voice of a line is.
var full = 20 * math.Log10(8000.0/32767)

func TestPlayoutGivesWhatWasSaid(t *testing.T) {
	for _, codec := range spoken {
		for _, ptime := range []time.Duration{10, 20, 40, 60} {
			l := newLine(t, codec, perfect)
			l.ptime = ptime * time.Millisecond
			l.run(500 * time.Millisecond)
			heard := l.run(5 * time.Second)
			name := fmt.Sprintf("%s of %v", codec, l.ptime)
			if got := tone(heard); math.Abs(got-full) > 0.5 {
				t.Errorf("%s: the tone has %.1f dB, %.1f were sent", name, got, full)
			}
			if n := noise(heard[:lineRate/2], lineRate, 440); n > full-25 {
				t.Errorf("%s: %.1f dB of something else", name, n)
			}
			s := l.p.Stats()
			if s.Lost+s.Late+s.Duplicate != 0 || s.Concealed > 0 || s.Stretched > 30*time.Millisecond || s.MeanDelay > 40*time.Millisecond {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

func TestPlayoutAdaptsToJitter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	jitter := 0 * time.Millisecond
	l := newLine(t, "PCMU", func(int) (time.Duration, bool) {
		return time.Duration(random.Float64() * float64(jitter)), false
	})
	// delay passes d and returns the mean delay meanwhile.
	delay := func(d time.Duration) (mean time.Duration) {
		n := int(d / (100 * time.Millisecond))
		for range n {
			l.run(100 * time.Millisecond)
			mean += l.p.Stats().Delay / time.Duration(n)
		}
		return mean
	}
	l.run(10 * time.Second)
	if calm := delay(10 * time.Second); calm > 30*time.Millisecond {
		t.Errorf("without jitter the delay is %v", calm)
	}
	jitter = 100 * time.Millisecond
	l.run(10 * time.Second)
	before := l.p.Stats()
	if rough := delay(20 * time.Second); rough < 80*time.Millisecond || rough > 130*time.Millisecond {
		t.Errorf("with 100 ms of jitter the delay is %v", rough)
	}
	if c := l.p.Stats().Concealed - before.Concealed; c > 200*time.Millisecond {
		t.Errorf("with 100 ms of jitter %v of 20 s had to be guessed", c)
	}
	jitter = 0
	l.run(40 * time.Second)
	if again := delay(5 * time.Second); again > 40*time.Millisecond {
		t.Errorf("after the jitter the delay stayed at %v", again)
	}
}

func TestPlayoutReordersAndDropsDuplicates(t *testing.T) {
	for _, codec := range spoken {
		l := newLine(t, codec, func(i int) (time.Duration, bool) {
			if i%4 == 0 {
				return 25 * time.Millisecond, false // overtaken by the next
			}
			return 0, false
		})
		l.run(5 * time.Second)
		before := l.p.Stats()
		heard := l.run(5 * time.Second)
		if got := tone(heard); math.Abs(got-full) > 1 {
			t.Errorf("%s: the tone has %.1f of %.1f dB", codec, got, full)
		}
		for range 50 {
			for i := range l.flying {
				l.p.Push(l.flying[i].a)
			}
			l.run(20 * time.Millisecond)
		}
		if s := l.p.Stats(); s.Duplicate < 12 || s.Lost > 1 || s.Late > before.Late || s.Concealed > before.Concealed {
			t.Errorf("%s: %+v", codec, s)
		}
	}
}

func TestPlayoutConcealsLoss(t *testing.T) {
	for _, codec := range spoken {
		l := newLine(t, codec, func(i int) (time.Duration, bool) { return 0, i%20 == 10 })
		l.run(2 * time.Second)
		before := l.p.Stats()
		heard := l.run(10 * time.Second)
		s := l.p.Stats()
		if lost := s.Lost - before.Lost; lost < 24 || lost > 26 {
			t.Errorf("%s: %d packets counted as lost, not 25", codec, lost)
		}
		if got := tone(heard); got < full-1 {
			t.Errorf("%s: with 5 %% loss the tone has %.1f dB, %.1f were sent", codec, got, full)
		}
		if step := maxStep(heard); step > 4000 {
			t.Errorf("%s: a step of %d was heard", codec, step)
		}
		t.Logf("%s: %+v", codec, s)
	}
}

// tone returns how loud the voice of a line is in what was heard, of which pieces may
// have been repeated or left out.
func tone(heard []int16) float64 {
	const piece = lineRate / 20 // 22 periods
	var power float64
	for at := 0; at+piece <= len(heard); at += piece {
		power += math.Pow(10, Level(heard[at:at+piece], lineRate, 440)/10)
	}
	return 10 * math.Log10(power/float64(len(heard)/piece))
}

// maxStep returns the greatest change from one sample to the next.
func maxStep(pcm []int16) int {
	step := 0
	for i := range pcm[1:] {
		step = max(step, int(pcm[i+1])-int(pcm[i]), int(pcm[i])-int(pcm[i+1]))
	}
	return step
}

func TestPlayoutFadesIntoNoise(t *testing.T) {
	gone := false
	l := newLine(t, "PCMU", func(int) (time.Duration, bool) { return 0, gone })
	random := rand.New(rand.NewPCG(5, 6))
	l.voice = func(n int) int16 {
		hiss := int16(random.NormFloat64() * 30)
		if n/lineRate%2 == 1 {
			return hiss
		}
		return hiss + sineAt(440)(n)
	}
	l.run(time.Second)
	quiet := Loudness(l.run(800 * time.Millisecond)[lineRate*3/10:])
	l.run(500 * time.Millisecond)
	gone = true
	l.run(200 * time.Millisecond)
	if got := Loudness(l.run(time.Second)); math.Abs(got-quiet) > 8 {
		t.Errorf("after the end there are %.0f dB; where nobody spoke there were %.0f", got, quiet)
	}
}

func TestPlayoutFollowsJumps(t *testing.T) {
	for name, jump := range map[string]func(l *line){
		"another source":              func(l *line) { l.ssrc, l.ts, l.seq = 99, 123456, 99 },
		"forwards by an hour":         func(l *line) { l.ts += 3600 * 8000 },
		"forwards by half a second":   func(l *line) { l.ts += 4000 },
		"back by an hour":             func(l *line) { l.ts -= 3600 * 8000 },
		"back by half a second":       func(l *line) { l.ts -= 4000 },
		"other numbers":               func(l *line) { l.seq += 20000 },
		"other numbers and times":     func(l *line) { l.seq += 20000; l.ts += 12345678 },
		"lower numbers and times":     func(l *line) { l.seq -= 20000; l.ts -= 12345678 },
		"numbers from the start":      func(l *line) { l.seq -= 50; l.ts -= 50 * 160 },
		"another codec":               func(l *line) { l.speak(t, "PCMA") },
		"another codec, higher rate":  func(l *line) { l.speak(t, "G722") },
		"another codec, faster clock": func(l *line) { l.speak(t, "opus") },
	} {
		l := newLine(t, "PCMU", perfect)
		l.run(5 * time.Second)
		jump(l)
		l.run(110 * time.Millisecond) // 10 of them until the first packet after the jump
		heard := l.run(500 * time.Millisecond)
		if got := tone(heard); got < full-0.5 {
			t.Errorf("%s: 100 ms later the tone has %.1f dB, %.1f were sent", name, got, full)
		}
		if s := l.p.Stats(); s.Delay > 50*time.Millisecond || s.Delay < 0 || s.Concealed > 60*time.Millisecond {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestPlayoutRecoversFromGaps(t *testing.T) {
	for _, gap := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second, time.Minute, time.Hour} {
		for name, counting := range map[string]struct{ seq, ts bool }{
			"lost":          {true, true},
			"paused":        {false, true},
			"stopped clock": {false, false},
		} {
			l := newLine(t, "PCMU", perfect)
			l.ppm = 200
			l.run(5 * time.Second)
			seq, ts := l.seq, l.ts
			out := make([]int16, lineRate/100)
			for end := l.now + gap; l.now < end; l.now += 10 * time.Millisecond {
				l.p.Pull(out)
			}
			n := 0
			for l.length(l.said+320) <= l.now {
				l.said += 320
				n++
			}
			if counting.seq {
				l.seq = seq + uint16(n)
			}
			if counting.ts {
				l.ts = ts + uint32(n)*160
			}
			l.run(110 * time.Millisecond)
			if got := tone(l.run(500 * time.Millisecond)); got < full-0.5 {
				t.Errorf("%s for %v: 100 ms later the tone has %.1f dB, %.1f were sent", name, gap, got, full)
			}
			if s := l.p.Stats(); s.Delay > 60*time.Millisecond && (counting.ts || gap > 250*time.Millisecond) || s.Concealed > 150*time.Millisecond {
				t.Errorf("%s for %v: %+v", name, gap, s)
			}
		}
	}
}

func TestPlayoutIgnoresOneStray(t *testing.T) {
	l := newLine(t, "PCMU", perfect)
	l.run(2 * time.Second)
	l.p.Push(Arrival{SSRC: 666, Sequence: 1, Timestamp: 1, Payload: make([]byte, 160), Format: l.format})
	l.p.Push(Arrival{SSRC: 7, Sequence: l.seq + 2000, Timestamp: l.ts + 1e6, Payload: make([]byte, 160), Format: l.format})
	if got := tone(l.run(time.Second)); got < full-0.1 {
		t.Errorf("the tone has %.1f dB, %.1f were sent", got, full)
	}
	if s := l.p.Stats(); s.Concealed > 0 {
		t.Errorf("%+v", s)
	}
}

func TestPlayoutCountsWhatIsNoSound(t *testing.T) {
	l := newLine(t, "PCMU", perfect)
	l.run(time.Second)
	for range 20 { // a key, pressed for 0.4 s: no sound meanwhile
		l.said += 320
		l.p.Push(Arrival{SSRC: l.ssrc, Sequence: l.seq, Timestamp: l.ts, Payload: make([]byte, 4)})
		l.seq++
		for range 2 {
			l.p.Pull(make([]int16, 160))
			l.now += 10 * time.Millisecond
		}
	}
	l.ts += 20 * 160
	l.run(110 * time.Millisecond)
	if got := tone(l.run(500 * time.Millisecond)); got < full-0.5 {
		t.Errorf("after the key the tone has %.1f dB, %.1f were sent", got, full)
	}
	if s := l.p.Stats(); s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPlayoutRecoversFromStall(t *testing.T) {
	// The network holds everything back for a second, then delivers it at once.
	l := newLine(t, "PCMU", func(i int) (time.Duration, bool) {
		sent := time.Duration(i+1) * 20 * time.Millisecond
		if sent >= 5*time.Second && sent < 6*time.Second {
			return 6*time.Second - sent, false
		}
		return 0, false
	})
	l.run(6100 * time.Millisecond)
	if got := tone(l.run(500 * time.Millisecond)); got < full-1 {
		t.Errorf("100 ms after the stall the tone has %.1f dB", got)
	}
	l.run(10 * time.Second)
	if d := l.p.Stats().Delay; d > 60*time.Millisecond {
		t.Errorf("ten seconds later the delay is %v", d)
	}
	// The sound card pauses for three seconds.
	for range 150 {
		l.send()
		l.now += l.ptime
		for _, f := range l.flying {
			l.p.Push(f.a)
		}
		l.flying = nil
	}
	l.run(200 * time.Millisecond)
	if got := tone(l.run(500 * time.Millisecond)); got < full-1 {
		t.Errorf("after the card's pause the tone has %.1f dB", got)
	}
	if d := l.p.Stats().Delay; d > 60*time.Millisecond {
		t.Errorf("after the card's pause the delay is %v", d)
	}
}

func TestPlayoutAllocatesNothing(t *testing.T) {
	for _, codec := range spoken {
		random := rand.New(rand.NewPCG(7, 8))
		l := newLine(t, codec, func(int) (time.Duration, bool) {
			return time.Duration(random.ExpFloat64() * 3e7), random.IntN(20) == 0
		})
		l.run(3 * time.Second)
		for range 500 {
			l.send()
		}
		out, at := make([]int16, 160), l.now
		if n := testing.AllocsPerRun(1000, func() {
			at += 10 * time.Millisecond
			for i, f := range l.flying {
				if f.at <= at && f.a.Format != nil {
					l.p.Push(f.a)
					l.flying[i].a.Format = nil
				}
			}
			l.p.Pull(out)
		}); n != 0 && (codec != "opus" || OpusLibrary == "libopus") { // the virtual machine allocates
			t.Errorf("%s: %v allocations", codec, n)
		}
	}
}

func TestPlayoutBoundsItsWork(t *testing.T) {
	// A flood of the smallest and the largest packets: a Pull may cost a hundred
	// decodings, not more for more packets.
	l := newLine(t, "PCMU", perfect)
	l.run(time.Second)
	out := make([]int16, 160)
	for round := range 100 {
		for i := range 10000 {
			l.p.Push(Arrival{SSRC: 7, Sequence: uint16(i), Timestamp: uint32(round*i) * 8, Payload: make([]byte, 1+i%1300), Format: l.format})
		}
		l.p.Pull(out)
		if n := len(l.p.line) - l.p.at; n > lineRate/2 {
			t.Fatalf("%d samples wait", n)
		}
	}
	l.ssrc = 8
	l.run(time.Second)
	if got := tone(l.run(500 * time.Millisecond)); got < full-1 {
		t.Errorf("after the flood the tone has %.1f dB", got)
	}
}

func FuzzPlayout(f *testing.F) {
	f.Add([]byte{0, 0, 0, 160, 1, 0, 0, 160, 3, 9, 9, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := NewPlayout(lineRate)
		var formats []*Format
		for _, codec := range spoken {
			format, err := NewFormat(codec)
			if err != nil {
				t.Fatal(err)
			}
			formats = append(formats, format)
		}
		formats = append(formats, nil)
		payload, out := make([]byte, 8*255), make([]int16, 160)
		for ; len(data) >= 4; data = data[4:] {
			copy(payload, data)
			p.Push(Arrival{
				SSRC: uint32(data[0] & 1), Sequence: uint16(data[1]), Timestamp: uint32(data[2])<<24 | uint32(data[1])*160,
				Payload: payload[:8*int(data[3])], Format: formats[int(data[0]>>1)%len(formats)],
			})
			if data[0]&0x80 == 0 {
				p.Pull(out)
			}
			if len(p.line)-p.at > lineRate/2 {
				t.Fatalf("%d samples wait", len(p.line)-p.at)
			}
		}
		if d := p.Stats().Delay; d > time.Second || d < -time.Second {
			t.Errorf("delay %v", d)
		}
	})
}

// BenchmarkPlayout takes a second of sound with 5 % of loss.
func BenchmarkPlayout(b *testing.B) {
	for _, codec := range spoken {
		b.Run(codec, func(b *testing.B) {
			l := newLine(b, codec, func(i int) (time.Duration, bool) { return 0, i%20 == 10 })
			for range 50 * 60 {
				l.send()
			}
			out, at := make([]int16, lineRate/100), 0
			for b.Loop() {
				for range 50 {
					f := &l.flying[at%len(l.flying)]
					f.a.Sequence, f.a.Timestamp = uint16(at), uint32(at*samplesIn(l.ptime, l.format.clock))
					if at++; at%20 != 10 {
						l.p.Push(f.a)
					}
					l.p.Pull(out)
					l.p.Pull(out)
				}
			}
		})
	}
}

func TestPlayoutPushesAndPullsAtOnce(t *testing.T) {
	l := newLine(t, "PCMU", perfect)
	for range 500 {
		l.send()
	}
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		for _, f := range l.flying {
			l.p.Push(f.a)
		}
	}()
	out := make([]int16, 160)
	for done := false; !done; {
		l.p.Pull(out)
		l.p.Stats()
		select {
		case <-pushed:
			done = true
		default:
		}
	}
	if s := l.p.Stats(); s.Received != 500 {
		t.Errorf("%+v", s)
	}
}
