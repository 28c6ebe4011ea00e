package voicemail

import "context"

// A Leg is the caller as the dialogue sees it: somebody to speak to and to
// listen to, in samples of 16 bits, mono, at Rate. bridge.Voice is one.
type Leg interface {
	// Play speaks samples in real time. It returns when all of them have been
	// sent, when the leg is over, which is no error, or when ctx ends; and with
	// the key when the caller presses one of the keys in stop.
	Play(ctx context.Context, samples []int16, stop string) (key rune, err error)
	// Listen hands everything that arrives from now on to hear, which must not
	// keep the slice; nil stops it, and hear is not running any more when Listen
	// returns.
	Listen(hear func(samples []int16))
	// Digits brings the keys that the caller presses.
	Digits() <-chan rune
	// Done is closed when the leg is over.
	Done() <-chan struct{}
}

// Rate is the number of samples a second on a Leg: telephone sound.
const Rate = 8000
