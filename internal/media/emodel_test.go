package media

import (
	"math"
	"testing"
	"time"
)

func TestScore(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name string
		s    Score
		r    float64
		off  float64 // that is allowed
	}{
		{"G.107: all defaults", Score{}, 93.2, 0.05},
		// G.107 §7.4, which is drawn as a curve in G.114.
		{"delays below 100 ms are not noticed", Score{OneWay: 100 * ms}, 93.2, 0.05},
		{"delay of 150 ms", Score{OneWay: 150 * ms}, 93.1, 0.2},
		{"delay of 200 ms", Score{OneWay: 200 * ms}, 90.1, 1},
		{"delay of 300 ms", Score{OneWay: 300 * ms}, 78.7, 1},
		{"delay of 400 ms", Score{OneWay: 400 * ms}, 69.2, 1},
		// G.107 §7.5 with G.113's 25.1: 95·Ppl/(Ppl+25.1).
		{"1 % at random", Score{Codec: "PCMA", Loss: 0.01}, 93.2 - 3.64, 0.01},
		{"5 % at random", Score{Codec: "pcmu", Loss: 0.05}, 93.2 - 15.78, 0.01},
		{"10 % at random", Score{Codec: "PCMU", Loss: 0.1}, 93.2 - 27.07, 0.01},
		{"5 % in bursts twice as long", Score{Codec: "PCMU", Loss: 0.05, Burst: 2}, 93.2 - 17.21, 0.01},
		{"both", Score{Codec: "PCMU", Loss: 0.05, OneWay: 300 * ms}, 78.7 - 15.78, 1},
		{"everything is lost", Score{Codec: "G722", Loss: 1, Burst: 100, OneWay: 10 * time.Second}, 0, 0.01},
		{"a codec that is not known", Score{Codec: "GSM", Loss: 0.01}, 93.2 - 3.64, 0.01},
		{"figures that make no sense", Score{Loss: -1, Burst: -3, OneWay: -time.Second}, 93.2, 0.05},
	} {
		if got := c.s.R(); math.Abs(got-c.r) > c.off {
			t.Errorf("%s: R %.2f, want %.2f ± %.2f", c.name, got, c.r, c.off)
		}
	}
}

func TestScoreOpinion(t *testing.T) {
	// G.107 table B.1: R and MOS.
	for _, c := range []struct{ r, mos float64 }{{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58}} {
		loss := (bestRating - c.r) * 25.1 / (95 - (bestRating - c.r)) / 100 // which gives that R
		s := Score{Codec: "PCMU", Loss: loss}
		if got := s.MOS(); math.Abs(s.R()-c.r) > 0.01 || math.Abs(got-c.mos) > 0.01 {
			t.Errorf("R %.2f, MOS %.3f, want %v and %v", s.R(), got, c.r, c.mos)
		}
	}
	if got := (Score{}).MOS(); math.Abs(got-4.41) > 0.005 { // G.107 gives 4.41 for its defaults
		t.Errorf("the best has %.3f", got)
	}
	worst, last := Score{Codec: "PCMU"}, 5.0
	for worst.Loss = 0; worst.Loss <= 1; worst.Loss += 0.01 {
		m := worst.MOS()
		if m > last || m < 1 {
			t.Fatalf("with a loss of %.2f the opinion is %.3f after %.3f", worst.Loss, m, last)
		}
		last = m
	}
}

func TestScoreByCodec(t *testing.T) {
	// The same loss: Opus stands it best, G.722 worst.
	at := func(codec string) float64 { return Score{Codec: codec, Loss: 0.03}.R() }
	if opus, law, g722 := at("opus"), at("PCMA"), at("G722"); opus <= law || law <= g722 || at("PCMU") != law {
		t.Errorf("Opus %.1f, G.711 %.1f, G.722 %.1f", opus, law, g722)
	}
}
