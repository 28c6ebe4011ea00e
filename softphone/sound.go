package softphone

import "io"

// Audio is where the voice of a call comes from and goes to: a sound card, a
// pair of WAV files, nothing. It is implemented by softphone/audio and chosen by
// whoever builds the phone. Samples are 16-bit mono.
//
// The functions that go in and out are plain ones so that an implementation
// need not import this package. The device's own threads call them, so they
// return at once, allocate nothing and do not keep the frame.
type Audio interface {
	// Open opens microphone and loudspeaker for one call. As soon as the rates
	// are known, in Hz, and before any frame flows, it calls start once; from then
	// on each recorded frame is given to capture, and playback fills each frame
	// that is about to be heard. Frames may have any length and change it.
	//
	// Open may take seconds: it is never called on the path of signalling. It
	// fails where there is no device. Where devices vanish later and others take
	// their place the rates stay the same; where none does, lost is called once
	// with the reason, from any goroutine, and no more frames flow.
	//
	// After Close has returned neither function is called again. Close may be
	// called from any goroutine and takes at most a second.
	Open(start func(captureRate, playbackRate int) (capture, playback func(frame []int16)), lost func(error)) (io.Closer, error)

	// Ring opens the loudspeaker alone, for the bell of an incoming call; start
	// and Close are as in Open.
	Ring(start func(rate int) (playback func(frame []int16))) (io.Closer, error)
}
