package officetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"timbre/internal/media"
)

// A Network is what a network does to packets. What is zero does not happen.
type Network struct {
	Name     string
	Base     time.Duration // every packet takes so long at least
	Jitter   time.Duration // mean of what comes upon that, exponential
	Wander   time.Duration // spread of what comes upon that and changes within a second
	Retried  float64       // part of the packets that are sent once more underway
	Retry    time.Duration // mean of what that takes
	Stall    time.Duration // mean time between two stalls
	Shortest time.Duration // of a stall
	Longest  time.Duration // of a stall

	// Parts of the packets that are lost, overtaken by the next one, and come twice.
	Lost, Overtaken, Doubled float64
}

// The networks that the figures of the voice are made on.
var (
	LAN  = Network{Name: "LAN", Base: time.Millisecond, Jitter: 500 * time.Microsecond, Retried: 0.001, Retry: 5 * time.Millisecond}
	WiFi = Network{
		Name: "Wi-Fi", Base: 3 * time.Millisecond, Jitter: 2 * time.Millisecond, Retried: 0.02, Retry: 8 * time.Millisecond,
		Stall: 5 * time.Second, Shortest: 60 * time.Millisecond, Longest: 150 * time.Millisecond,
	}
	LTE = Network{
		Name: "LTE", Base: 30 * time.Millisecond, Jitter: 6 * time.Millisecond, Wander: 12 * time.Millisecond,
		Retried: 0.1, Retry: 16 * time.Millisecond,
		Stall: 10 * time.Second, Shortest: 80 * time.Millisecond, Longest: 250 * time.Millisecond,
	}
)

// A Trace is one direction of a call in virtual time: the same seed gives the same
// call.
type Trace struct {
	Network      Network
	Seed         uint64
	Codec        string
	Ptime        time.Duration
	Length       time.Duration
	Sender, Card float64 // by how many millionths the clocks are fast
}

// pullTime is the period of the sound card.
const pullTime = 10 * time.Millisecond

// callRate is the rate of what is heard.
const callRate = 16000

// Play lets the far side say speech again and again, hands what is heard to hear in
// frames of 10 ms, which it must not keep, and returns how well it arrived.
func (t Trace) Play(speech media.Sound, hear func(frame []int16)) (media.PlayoutStats, error) {
	arrivals, err := t.arrivals(speech)
	if err != nil {
		return media.PlayoutStats{}, err
	}
	p := media.NewPlayout(callRate)
	frame := make([]int16, callRate*pullTime/time.Second)
	for n := 0; ; n++ {
		now := fast(time.Duration(n)*pullTime, t.Card)
		if now > t.Length {
			return p.Stats(), nil
		}
		for len(arrivals) > 0 && arrivals[0].at <= now {
			p.Push(arrivals[0].packet)
			arrivals = arrivals[1:]
		}
		p.Pull(frame)
		hear(frame)
	}
}

// fast returns when a clock that is fast by so many millionths shows d.
func fast(d time.Duration, ppm float64) time.Duration {
	return time.Duration(float64(d) * (1 - ppm/1e6))
}

// An arrival is a packet and when it comes.
type arrival struct {
	at     time.Duration
	packet media.Arrival
}

// arrivals returns what comes, in this order.
func (t Trace) arrivals(speech media.Sound) ([]arrival, error) {
	payloads, err := t.payloads(speech)
	if err != nil {
		return nil, err
	}
	format, err := media.NewFormat(t.Codec)
	if err != nil {
		return nil, err
	}
	clock := 8000
	if strings.EqualFold(t.Codec, "opus") {
		clock = 48000
	}
	var list []arrival
	way := newWay(t.Network, t.Seed)
	for i := 0; time.Duration(i)*t.Ptime < t.Length; i++ {
		at, lost, doubled := way.next(fast(time.Duration(i+1)*t.Ptime, t.Sender), t.Ptime)
		if lost {
			continue
		}
		a := arrival{at, media.Arrival{
			SSRC: 1, Sequence: uint16(i), Timestamp: uint32(i * int(t.Ptime) * clock / int(time.Second)),
			Payload: payloads[i%len(payloads)], Format: format,
		}}
		if list = append(list, a); doubled {
			a.at += t.Ptime / 2
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b arrival) int { return int(a.at - b.at) })
	return list, nil
}

// payloads returns the packets of speech, said once.
func (t Trace) payloads(speech media.Sound) ([][]byte, error) {
	encoder, err := media.NewCallEncoder(t.Codec)
	if err != nil {
		return nil, err
	}
	samples := speech.At(callRate).Samples
	var payloads [][]byte
	for size := int(t.Ptime * callRate / time.Second); len(samples) >= size; samples = samples[size:] {
		payloads = append(payloads, encoder.Encode(nil, samples[:size]))
	}
	return payloads, nil
}

// A way is the network between two phones.
type way struct {
	n          Network
	random     *rand.Rand
	wander     float64
	stalls     time.Duration // when the next stall begins
	stalledFor time.Duration // when the last one ends
	last       time.Duration // when the last packet arrives
}

func newWay(n Network, seed uint64) *way {
	w := &way{n: n, random: rand.New(rand.NewPCG(seed, 1))}
	w.stalls = w.about(n.Stall)
	return w
}

// about returns a time whose mean is given.
func (w *way) about(mean time.Duration) time.Duration {
	return time.Duration(w.random.ExpFloat64() * float64(mean))
}

// next returns when the packet arrives that is sent next, and whether.
func (w *way) next(sent, ptime time.Duration) (at time.Duration, lost, doubled bool) {
	n := &w.n
	w.wander = 0.98*w.wander + 0.2*w.random.NormFloat64()*float64(n.Wander)
	at = sent + n.Base + w.about(n.Jitter) + time.Duration(math.Abs(w.wander))
	if w.random.Float64() < n.Retried {
		at += w.about(n.Retry)
	}
	for n.Stall > 0 && sent > w.stalls {
		w.stalledFor = w.stalls + n.Shortest + time.Duration(w.random.Float64()*float64(n.Longest-n.Shortest))
		w.stalls = w.stalledFor + w.about(n.Stall)
	}
	at = max(at, min(w.stalledFor, sent+n.Longest), w.last)
	w.last = at
	if w.random.Float64() < n.Overtaken {
		at += ptime * 5 / 4
	}
	return at, w.random.Float64() < n.Lost, w.random.Float64() < n.Doubled
}
