package media

import "math"

// A backdrop is what is to be heard where nobody speaks: as loud as what was there
// before. It is used by one goroutine and does not allocate.
type backdrop struct {
	floor  float32 // of the sound so far, root mean square
	rise   float32 // by which the floor grows from one piece to the next at most
	size   int     // samples of a piece
	have   int
	energy float32 // of the samples of this piece
	seed   uint32
	last   float32
}

// maxNoise is the loudest floor that is believed, -50 dBFS: louder is a voice.
const maxNoise = 100

func newBackdrop(rate int) backdrop {
	return backdrop{rise: 1.01, size: rate / 100, seed: 1}
}

// hear takes what the far side says.
func (n *backdrop) hear(samples []int16) {
	for _, s := range samples {
		n.energy += float32(s) * float32(s)
		if n.have++; n.have < n.size {
			continue
		}
		level := float32(math.Sqrt(float64(n.energy / float32(n.size))))
		n.floor = min(level, n.floor*n.rise+0.05, maxNoise)
		n.have, n.energy = 0, 0
	}
}

// next returns the next sample: hiss without its sharpness.
func (n *backdrop) next() float32 {
	n.seed = n.seed*1664525 + 1013904223
	white := float32(int32(n.seed)) / (1 << 31) // root mean square 1/√3
	n.last += 0.5 * (white - n.last)            // a third of the power
	return n.last * 3 * n.floor
}
