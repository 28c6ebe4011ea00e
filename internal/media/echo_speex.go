//go:build speexdsp

package media

/*
#cgo pkg-config: speexdsp
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>
*/
import "C"

import "unsafe"

// EchoAvailable tells whether this binary takes the echo of the speaker, and
// noise, out of what the microphone hears.
const EchoAvailable = true

const (
	echoTail     = 150 * echoRate / 1000 // of the room that is learned, in samples
	noiseDown    = -15                   // dB at most
	residualDown = -60
	// dB at most while somebody speaks here, who is not to be cut off: once the room
	// is known, and before.
	residualDownBoth, residualDownNew = -3, -40
)

// A speexCanceller is a canceller by libspeexdsp. The library keeps no pointer to
// what it is given.
type speexCanceller struct {
	echo *C.SpeexEchoState
	post *C.SpeexPreprocessState
}

func newCanceller() canceller {
	s := &speexCanceller{
		echo: C.speex_echo_state_init(echoFrame, echoTail),
		post: C.speex_preprocess_state_init(echoFrame, echoRate),
	}
	rate := C.spx_int32_t(echoRate)
	C.speex_echo_ctl(s.echo, C.SPEEX_ECHO_SET_SAMPLING_RATE, unsafe.Pointer(&rate))
	s.set(C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS, residualDown)
	s.trust(false)
	return s
}

func (s *speexCanceller) set(what C.int, value C.spx_int32_t) {
	C.speex_preprocess_ctl(s.post, what, unsafe.Pointer(&value))
}

func (s *speexCanceller) cancel(out, mic, ref []int16) {
	C.speex_echo_cancellation(s.echo, samplesOf(mic), samplesOf(ref), samplesOf(out))
}

func samplesOf(frame []int16) *C.spx_int16_t { return (*C.spx_int16_t)(&frame[:echoFrame][0]) }

func (s *speexCanceller) polish(frame []int16) { C.speex_preprocess_run(s.post, samplesOf(frame)) }

func (s *speexCanceller) trust(room bool) {
	down := C.spx_int32_t(residualDownNew)
	if room {
		down = residualDownBoth
	}
	s.set(C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, down)
}

func (s *speexCanceller) forget() { C.speex_echo_state_reset(s.echo) }

func (s *speexCanceller) choose(echo, noise bool) {
	var state unsafe.Pointer
	if echo {
		state = unsafe.Pointer(s.echo)
	}
	C.speex_preprocess_ctl(s.post, C.SPEEX_PREPROCESS_SET_ECHO_STATE, state)
	down := C.spx_int32_t(0)
	if noise {
		down = noiseDown
	}
	s.set(C.SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, down)
}

func (s *speexCanceller) free() {
	C.speex_preprocess_state_destroy(s.post)
	C.speex_echo_state_destroy(s.echo)
}
