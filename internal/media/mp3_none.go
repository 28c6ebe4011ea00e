//go:build !lame

package media

import "io"

// MP3Available tells whether this binary can encode MP3.
const MP3Available = false

type mp3Encoder struct{}

func newMP3Encoder(io.Writer) (*mp3Encoder, error) { return nil, ErrNoMP3 }

func (*mp3Encoder) write([]int16) error { return ErrNoMP3 }
func (*mp3Encoder) close() error        { return ErrNoMP3 }
func (*mp3Encoder) free()               {}
