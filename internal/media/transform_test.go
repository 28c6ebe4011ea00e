package media

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestTransform(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{8, 16, 64, 320, 512, 640} {
		tr := newTransform(n)
		frame, back, spectrum := make([]float64, n), make([]float64, n), make([]complex128, n/2+1)
		for i := range frame {
			frame[i] = rng.NormFloat64()
		}
		tr.forward(spectrum, frame)
		for k, got := range spectrum {
			var want complex128
			for i, v := range frame {
				want += complex(v, 0) * cmplx.Rect(1, -2*math.Pi*float64(i*k)/float64(n))
			}
			if cmplx.Abs(got-want) > 1e-9 {
				t.Fatalf("%d points, bin %d: %v, want %v", n, k, got, want)
			}
		}
		tr.inverse(back, spectrum)
		for i := range frame {
			if math.Abs(frame[i]-back[i]) > 1e-9 {
				t.Fatalf("%d points: sample %d came back as %v, not %v", n, i, back[i], frame[i])
			}
		}
	}
}

func BenchmarkTransform(b *testing.B) {
	tr := newTransform(320)
	frame, spectrum := make([]float64, 320), make([]complex128, 161)
	for b.Loop() {
		tr.forward(spectrum, frame)
	}
}
