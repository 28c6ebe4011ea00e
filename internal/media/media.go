// Package media turns samples into other samples: codecs, tones, WAV and MP3,
// resampling, silence detection and the playout buffer of a call. It owns no
// socket, no device and no goroutine, and it never asks what time it is: time
// is passed in, or is counted in samples. Sound is 16-bit mono throughout; a
// level is in dBFS, where 0 is a sine of full scale.
//
// It is used by both doors: by ua, bridge, voicemail and pbx on the server and
// by softphone and softphone/audio on the desk. G.711 is RFC 3551 §4.5.14,
// G.722 §4.5.2.
package media

import (
	"errors"
	"time"
)

// A Sound is a piece of mono audio held in memory. The zero value is silence of
// no length.
type Sound struct {
	Rate    int // samples per second
	Samples []int16
}

// Duration returns how long s lasts.
func (s Sound) Duration() time.Duration {
	if s.Rate == 0 {
		return 0
	}
	return time.Duration(len(s.Samples)) * time.Second / time.Duration(s.Rate)
}

// At returns s at another rate; s itself where the rate is the same.
func (s Sound) At(rate int) Sound {
	if s.Rate == rate || s.Rate == 0 {
		return Sound{Rate: rate, Samples: s.Samples}
	}
	return Sound{Rate: rate, Samples: resample(s.Samples, s.Rate, rate)}
}

// ErrOtherDevice is the only trouble of a Stream with which its sound is still heard.
var ErrOtherDevice = errors.New("the chosen sound device is missing, the default one is used")

// A Stream is the sound of one call, or of one player, on its way to and from a
// sound device: the seam between softphone and softphone/audio. Frames are
// always 10 ms long, that is Rate/100 samples; the device's own rate does not
// show.
type Stream struct {
	// Rate is that of the frames: 8000, 16000 or 48000.
	Rate int

	// Source fills frame with what is to be heard next. It is called by the
	// clock of the sound card, on its thread: it must neither block nor
	// allocate. Nil opens no playback.
	Source func(frame []int16)

	// Sink gets what the microphone heard. It is called from one goroutine and
	// may take its time; where it falls 200 ms behind, the oldest frames are
	// lost. It must not keep frame. Nil opens no capture.
	Sink func(frame []int16)

	// Trouble is told when a device is missing or stops working, and gets nil
	// when all is well again. Meanwhile the clock goes on, with silence. It is
	// called from one goroutine. Nil is allowed.
	Trouble func(error)
}
