//go:build !race

// The race detector would make hours of virtual time last as many minutes, and finds
// nothing where nothing runs at the same time.

package officetest

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"timbre/internal/media"
)

// spanish returns real speech at 16 kHz.
func spanish(t testing.TB) media.Sound {
	t.Helper()
	files, err := filepath.Glob("/usr/share/asterisk/sounds/es*/demo-instruct.g722")
	if err != nil || len(files) == 0 {
		t.Fatal("asterisk-core-sounds-es-g722 is not installed")
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := media.NewDecoder("G722")
	if err != nil {
		t.Fatal(err)
	}
	return media.Sound{Rate: callRate, Samples: decoder.Decode(nil, data)}
}

func TestTracesKeepTheirBounds(t *testing.T) {
	speech := spanish(t)
	with := func(n Network, name string, change func(*Network)) Network {
		n.Name = name
		change(&n)
		return n
	}
	for _, c := range []struct {
		network   Network
		codec     string
		concealed float64 // per cent at most
		delay     time.Duration
		stretched float64 // per cent at most
	}{
		{LAN, "PCMU", 0.1, 30 * time.Millisecond, 0.1},
		{LAN, "opus", 0.1, 30 * time.Millisecond, 0.1},
		{WiFi, "PCMU", 0.5, 60 * time.Millisecond, 3},
		{WiFi, "opus", 0.5, 60 * time.Millisecond, 3},
		{LTE, "G722", 1, 110 * time.Millisecond, 3},
		{LTE, "opus", 1, 110 * time.Millisecond, 3},
		{with(LAN, "LAN that doubles", func(n *Network) { n.Doubled = 0.05 }), "PCMU", 0.1, 30 * time.Millisecond, 0.1},
		{with(LAN, "LAN that reorders", func(n *Network) { n.Overtaken = 0.05 }), "PCMU", 0.6, 40 * time.Millisecond, 0.1},
		{with(LAN, "LAN that loses", func(n *Network) { n.Lost = 0.05 }), "PCMU", 5.5, 30 * time.Millisecond, 0.2},
		// Four fifths of what is lost have a copy in time: the others were lost in a row.
		{with(LAN, "LAN that loses", func(n *Network) { n.Lost = 0.05 }), "opus", 1, 40 * time.Millisecond, 0.5},
		{with(WiFi, "Wi-Fi that does all", func(n *Network) { n.Lost, n.Overtaken, n.Doubled = 0.02, 0.02, 0.02 }), "opus", 2, 90 * time.Millisecond, 3},
	} {
		const runs, length = 2, 2 * time.Minute
		var sum media.PlayoutStats
		for seed := range uint64(runs) {
			s, err := Trace{Network: c.network, Seed: seed, Codec: c.codec, Ptime: 20 * time.Millisecond, Length: length}.Play(speech, func([]int16) {})
			if err != nil {
				t.Fatal(err)
			}
			sum.Concealed += s.Concealed
			sum.Stretched += s.Stretched
			sum.MeanDelay += s.MeanDelay / runs
			sum.Lost += s.Lost
			sum.Recovered += s.Recovered
		}
		concealed := 100 * sum.Concealed.Seconds() / (runs * length.Seconds())
		stretched := 100 * sum.Stretched.Seconds() / (runs * length.Seconds())
		t.Logf("%s, %s: %.2f %% concealed, %.2f %% stretched, delay %v, %d lost, %d recovered",
			c.network.Name, c.codec, concealed, stretched, sum.MeanDelay, sum.Lost, sum.Recovered)
		if concealed > c.concealed || sum.MeanDelay > c.delay || stretched > c.stretched {
			t.Errorf("%s, %s: wanted at most %.2f %% concealed, %.2f %% stretched, %v", c.network.Name, c.codec, c.concealed, c.stretched, c.delay)
		}
	}
}

func TestDelayDoesNotGrow(t *testing.T) {
	// A click each second shows how late everything is heard.
	second := media.Sound{Rate: callRate, Samples: make([]int16, callRate)}
	for i := range 80 {
		second.Samples[callRate/2+i] = int16(12000 * math.Sin(2*math.Pi*1000*float64(i)/callRate))
	}
	const settled = 4 // minutes
	for _, clocks := range [][2]float64{{200, -200}, {-200, 200}} {
		trace := Trace{Network: Network{Base: time.Millisecond, Jitter: time.Millisecond}, Seed: 1, Codec: "PCMU", Ptime: 20 * time.Millisecond, Length: 30 * time.Minute, Sender: clocks[0], Card: clocks[1]}
		var minutes [30]struct {
			delay time.Duration
			n     int
		}
		frames, deaf := 0, 0
		_, err := trace.Play(second, func(frame []int16) {
			for i, s := range frame {
				if deaf--; deaf > 0 || s < 3000 {
					continue
				}
				deaf = callRate / 2
				heard := fast(time.Duration(frames*len(frame)+i)*time.Second/callRate, trace.Card)
				var said time.Duration
				for k := int(heard/time.Second) + 1; ; k-- { // the last click before
					if said = fast(time.Duration(k)*time.Second+time.Second/2, trace.Sender); said < heard {
						break
					}
				}
				m := &minutes[int(heard/time.Minute)]
				m.delay += heard - said
				m.n++
			}
			frames++
		})
		if err != nil {
			t.Fatal(err)
		}
		low, high := time.Hour, time.Duration(0)
		for i, m := range minutes {
			if m.n < 55 {
				t.Fatalf("clocks %v: %d clicks in minute %d", clocks, m.n, i)
			}
			if mean := m.delay / time.Duration(m.n); i >= settled {
				low, high = min(low, mean), max(high, mean)
			}
		}
		t.Logf("clocks %v: %v to %v", clocks, low, high)
		if high-low > 5*time.Millisecond {
			t.Errorf("clocks %v: the delay of a minute goes from %v to %v", clocks, low, high)
		}
	}
}
