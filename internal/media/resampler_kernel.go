package media

import "math"

// The kernel of a Resampler reaches this many samples of the lower rate back and
// ahead of the output sample. It looks back further than ahead, so that it is sharp
// and yet not late.
const (
	kernelBack  = 48
	kernelAhead = 23
)

// kernel makes the kernel: it is the sum of these sines over its length, the first
// with half a period. They minimise the greatest error of its spectrum, which is
// complex: an error of 0.0056 up to 0.45 of the lower rate, where the spectrum is to
// be 1, counts as much as one of 0.00023 from 0.5 of the rate on, where it is to be
// 0, and one of a tenth of that from the rate itself on, where images add up
// (weighted least squares with Lawson's weights, on a grid of 12 frequencies to a
// sine). What is reached is 0.045 dB, -73 dB and -93 dB.
var kernel = [...]float64{
	0.0239603, -0.0251784, 0.0024615, 0.0225807, -0.026245, 0.0049757, 0.0209265, -0.026986,
	0.0073127, 0.0192739, -0.0277056, 0.0098001, 0.017247, -0.0279612, 0.0119438, 0.0153648,
	-0.0282902, 0.0143046, 0.013041, -0.0280664, 0.0162139, 0.0109666, -0.0279744, 0.0183567,
	0.008442, -0.0272984, 0.0199971, 0.0062137, -0.0267689, 0.0218315, 0.0035998, -0.0256962,
	0.0231712, 0.0012633, -0.0247076, 0.0246045, -0.0013402, -0.0232927, 0.025638, -0.0037423,
	-0.0218612, 0.0266091, -0.0062259, -0.0201705, 0.0273145, -0.0086307, -0.0183257, 0.0277806,
	-0.0109104, -0.0164205, 0.0281342, -0.0132453, -0.0142205, 0.0280819, -0.0152695, -0.0121482,
	0.028056, -0.0174436, -0.0097104, 0.0275256, -0.019213, -0.0074718, 0.0269428, -0.0208288,
	-0.0081921, 0.0235483, -0.0032619, -0.0075956, 0.0011661, 0.0004053, -3.7e-06, -3.9e-06,
	0, -3.4e-06, -2.8e-06,
}

// kernelAt returns the kernel at u samples of the lower rate after the output sample.
func kernelAt(u float64) float64 {
	x := math.Pi * (u + kernelBack) / (kernelBack + kernelAhead)
	if x <= 0 || x >= math.Pi {
		return 0
	}
	// Clenshaw's sum of sines.
	var a, b float64
	c := 2 * math.Cos(x)
	for i := len(kernel) - 1; i >= 0; i-- {
		a, b = kernel[i]+c*a-b, a
	}
	return a * math.Sin(x)
}
