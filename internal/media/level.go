package media

import "math"

// floor is the level of silence, so that levels can be compared and printed.
const floor = -120

// Level returns how strong the frequency hz is in samples, in dBFS (Goertzel's
// algorithm); -120 at least. A tone that fills only part of samples counts for
// less by that part.
func Level(samples []int16, rate int, hz float64) float64 {
	if len(samples) == 0 {
		return floor
	}
	c := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var a, b float64
	for _, s := range samples {
		a, b = float64(s)+c*a-b, a
	}
	power := a*a + b*b - c*a*b
	return decibel(2 * math.Sqrt(max(0, power)) / float64(len(samples)))
}

// Loudness returns the root mean square of samples in dBFS, where a sine of full
// scale is 0; -120 at least.
func Loudness(samples []int16) float64 {
	if len(samples) == 0 {
		return floor
	}
	var sum float64
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return decibel(math.Sqrt(2 * sum / float64(len(samples))))
}

// decibel returns the level of a sine of that amplitude.
func decibel(amplitude float64) float64 {
	if amplitude <= 0 {
		return floor
	}
	return max(floor, 20*math.Log10(amplitude/32767))
}
