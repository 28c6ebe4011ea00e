package media

import "math"

const (
	// How much of an error of time is taken back in a frame of 10 ms: at first, and
	// once the clocks are known, when somebody who speaks here would disturb more.
	fastPull, slowPull = 0.12, 0.05
	// pullDown is how fast it goes from one to the other with each frame of echo.
	pullDown = 0.01
	// lostTime is an error, in samples, that says that the clocks are not known.
	lostTime = 0.15
	// longestDrift is what two sound cards differ by at most, in samples a frame:
	// 500 millionths.
	longestDrift = 0.08
	// quietSlope is the square of a slope below which there is nothing to measure.
	quietSlope = 100.0
)

// A driftLoop finds out by how much the clock of the microphone differs from that
// of the speaker. It looks at the echo as it was expected: where that comes late,
// what is left after it was taken away looks like its slope. So a filter does not
// have to follow a clock, which no filter does well. It is used by one goroutine.
type driftLoop struct {
	learned float64    // samples a frame by which the speaker's clock is faster
	pull    float64    // zero before the first frame
	late    float64    // the error, lately
	power   float64    // of the slope, lately
	left    float64    // the last sample of what is left
	echo    [2]float64 // the last samples of the expected echo
}

// follow takes a frame of the microphone and what was left of it without the
// echo. It returns by how many millionths faster the reference is to be read from
// now on, and how much of the frame was an echo that is known: from 0 to 1, which
// is all of it.
func (d *driftLoop) follow(mic, left []int16) (ppm, sure float64) {
	var product, power, echo, rest float64
	for i := range mic {
		e := float64(left[i])
		y := float64(mic[i]) - e
		slope := (y - d.echo[0]) / 2
		product += slope * d.left
		power += slope * slope
		echo += y * y
		rest += e * e
		d.echo[0], d.echo[1], d.left = d.echo[1], y, e
	}
	d.power += 0.03 * (power - d.power)
	sure = max(0, echo-rest) / (echo + rest + 1) // less where somebody speaks here
	late := sure * product / (max(power, d.power) + quietSlope*echoFrame)
	late = max(-0.5, min(0.5, late))
	d.late += 0.05 * (late - d.late)
	d.pull += pullDown * sure * (slowPull - d.pull)
	if d.pull == 0 || math.Abs(d.late) > lostTime {
		d.pull = fastPull
	}
	// Critically damped.
	d.learned = max(-longestDrift, min(longestDrift, d.learned+d.pull*d.pull/4*late))
	return 1e6 * (d.learned + d.pull*late) / echoFrame, sure
}
