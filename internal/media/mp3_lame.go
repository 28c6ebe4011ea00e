//go:build lame

package media

/*
#cgo LDFLAGS: -lmp3lame
#include <lame/lame.h>
*/
import "C"

import (
	"errors"
	"io"
)

// MP3Available tells whether this binary can encode MP3.
const MP3Available = true

var errLame = errors.New("libmp3lame refused")

// An mp3Encoder writes mp3Rate mono PCM to w as MP3. It is used by one
// goroutine and must be freed.
type mp3Encoder struct {
	w   io.Writer
	g   C.lame_t
	buf []byte
}

func newMP3Encoder(w io.Writer) (*mp3Encoder, error) {
	g := C.lame_init()
	if g == nil {
		return nil, errLame
	}
	C.lame_set_in_samplerate(g, mp3Rate)
	C.lame_set_out_samplerate(g, mp3Rate)
	C.lame_set_num_channels(g, 1)
	C.lame_set_mode(g, C.MONO)
	C.lame_set_brate(g, 32)
	C.lame_set_disable_reservoir(g, 1) // a player may start at any frame
	C.lame_set_bWriteVbrTag(g, 0)      // players would hear its frame as silence
	C.lame_set_quality(g, 4)
	if C.lame_init_params(g) < 0 {
		C.lame_close(g)
		return nil, errLame
	}
	return &mp3Encoder{w: w, g: g}, nil
}

func (e *mp3Encoder) write(pcm []int16) error {
	if len(pcm) == 0 {
		return nil
	}
	e.room(len(pcm)*5/4 + 7200) // the worst case by lame.h
	n := C.lame_encode_buffer(e.g, (*C.short)(&pcm[0]), nil, C.int(len(pcm)), (*C.uchar)(&e.buf[0]), C.int(len(e.buf)))
	return e.flush(n)
}

func (e *mp3Encoder) close() error {
	e.room(7200)
	return e.flush(C.lame_encode_flush(e.g, (*C.uchar)(&e.buf[0]), C.int(len(e.buf))))
}

func (e *mp3Encoder) room(n int) {
	if len(e.buf) < n {
		e.buf = make([]byte, n)
	}
}

func (e *mp3Encoder) flush(n C.int) error {
	if n < 0 {
		return errLame
	}
	_, err := e.w.Write(e.buf[:n])
	return err
}

func (e *mp3Encoder) free() { C.lame_close(e.g) }
