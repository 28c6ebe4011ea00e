package media

import (
	"errors"
	"io"
	"time"
)

// MP3Rate is the rate at which voicemail is encoded.
const MP3Rate = 16000

// ErrNoMP3 means that this binary was built without the MP3 encoder (build tag
// lame).
var ErrNoMP3 = errors.New("built without the MP3 encoder")

// WAVToMP3 encodes a WAV file, finished or cut off, as MP3 of 16 kHz, mono,
// 32 kbit/s constant, each frame on its own, and returns how long it is. It
// returns ErrNoMP3 where MP3Available is false.
func WAVToMP3(dst io.Writer, src io.Reader) (time.Duration, error) { return 0, ErrNoMP3 }

// DecodeMP3 returns the sound of an MP3 file, mixed down to one channel. It
// returns ErrFormat for anything that is not one, or is larger than 64 MB, and never
// panics.
func DecodeMP3(data []byte) (Sound, error) { return Sound{}, ErrFormat }
