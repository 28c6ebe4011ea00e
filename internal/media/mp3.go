package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hajimehoshi/go-mp3"
)

// mp3Rate is the rate at which voicemail is encoded.
const mp3Rate = 16000

// ErrNoMP3 means that this binary was built without the MP3 encoder (build tag
// lame).
var ErrNoMP3 = errors.New("built without the MP3 encoder")

// WAVToMP3 encodes a WAV file, finished or cut off, as MP3 of 16 kHz, mono,
// 32 kbit/s constant, each frame on its own, and returns how long it is. It
// returns ErrNoMP3 where MP3Available is false.
func WAVToMP3(dst io.Writer, src io.Reader) (time.Duration, error) {
	in, err := NewWAVReader(src)
	if err != nil {
		return 0, err
	}
	enc, err := newMP3Encoder(dst)
	if err != nil {
		return 0, fmt.Errorf("encoding MP3: %w", err)
	}
	defer enc.free()
	samples := 0
	resampler := NewResampler(in.Rate(), mp3Rate)
	frame, pcm := make([]int16, in.Rate()/10), []int16(nil)
	for {
		n, err := in.Read(frame)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("reading WAV: %w", err)
		}
		samples += n
		pcm = append(pcm[:0], frame[:n]...)
		if in.Rate() != mp3Rate {
			pcm = resampler.Process(pcm[:0], frame[:n])
		}
		if err := enc.write(pcm); err != nil {
			return 0, fmt.Errorf("encoding MP3: %w", err)
		}
	}
	if err := enc.close(); err != nil {
		return 0, fmt.Errorf("encoding MP3: %w", err)
	}
	return time.Duration(samples) * time.Second / time.Duration(in.Rate()), nil
}

// Limits of what DecodeMP3 takes, five times the longest message: a made-up file
// of 16 MiB took it minutes and half a gigabyte.
const (
	maxMP3     = 4 << 20
	maxDecoded = 15 * time.Minute
)

// DecodeMP3 returns the sound of an MP3 file, mixed down to one channel. It
// returns ErrFormat for anything that is not one or is larger than 4 MiB. A
// file that is cut off or damaged ends there.
func DecodeMP3(data []byte) (Sound, error) {
	r, err := newMP3Reader(data)
	if err != nil {
		return Sound{}, err
	}
	s, err := collect(r, r.Rate(), maxDecoded)
	if err == nil && len(s.Samples) == 0 {
		return Sound{}, fmt.Errorf("decoding MP3: %w", ErrFormat)
	}
	return s, err
}

// An mp3Reader reads an MP3 file and mixes its channels down to one. A file that
// is cut off or damaged ends there.
type mp3Reader struct {
	dec *mp3.Decoder
	buf []byte
}

// newMP3Reader reads the first frame. It returns ErrFormat for what is no MP3 file
// or is larger than 4 MiB.
func newMP3Reader(data []byte) (r *mp3Reader, err error) {
	data, ok := skipID3(data)
	if !ok || len(data) > maxMP3 {
		return nil, fmt.Errorf("decoding MP3: %w", ErrFormat)
	}
	defer func() {
		if p := recover(); p != nil { // the decoder indexes its tables with what it reads
			r, err = nil, fmt.Errorf("decoding MP3: %w", ErrFormat)
		}
	}()
	// Hiding Seek keeps the decoder from looking for every frame beforehand.
	dec, err := mp3.NewDecoder(struct{ io.Reader }{bytes.NewReader(data)})
	if err != nil {
		return nil, fmt.Errorf("decoding MP3: %w", ErrFormat)
	}
	return &mp3Reader{dec: dec}, nil
}

// Rate returns the samples per second.
func (r *mp3Reader) Rate() int { return r.dec.SampleRate() }

// Read fills samples as far as it can; at the end it returns 0 and io.EOF.
func (r *mp3Reader) Read(samples []int16) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, io.EOF
		}
	}()
	if want := 4 * len(samples); cap(r.buf) < want {
		r.buf = make([]byte, want)
	}
	got, _ := io.ReadFull(r.dec, r.buf[:4*len(samples)])
	for ; n < got/4; n++ { // always stereo
		left, right := int16(binary.LittleEndian.Uint16(r.buf[4*n:])), int16(binary.LittleEndian.Uint16(r.buf[4*n+2:]))
		samples[n] = int16((int(left) + int(right)) / 2)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// skipID3 returns data after its ID3v2 tags, and false where a tag claims to be
// longer than the file. The decoder would believe it and allocate.
func skipID3(data []byte) ([]byte, bool) {
	for len(data) >= 10 && string(data[:3]) == "ID3" {
		size := 10
		for i, b := range data[6:10] {
			if b >= 0x80 {
				return nil, false
			}
			size += int(b) << (7 * (3 - i))
		}
		if size > len(data) {
			return nil, false
		}
		data = data[size:]
	}
	return data, true
}
