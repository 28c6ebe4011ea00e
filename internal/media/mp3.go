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
func DecodeMP3(data []byte) (s Sound, err error) {
	data, ok := skipID3(data)
	if !ok || len(data) > maxMP3 {
		return Sound{}, fmt.Errorf("decoding MP3: %w", ErrFormat)
	}
	defer func() {
		// The decoder indexes its tables with what it reads.
		if p := recover(); p != nil && len(s.Samples) == 0 {
			s, err = Sound{}, fmt.Errorf("decoding MP3: %w", ErrFormat)
		}
	}()
	// Hiding Seek keeps the decoder from looking for every frame beforehand.
	dec, err := mp3.NewDecoder(struct{ io.Reader }{bytes.NewReader(data)})
	if err != nil {
		return Sound{}, fmt.Errorf("decoding MP3: %w", ErrFormat)
	}
	s.Rate = dec.SampleRate()
	buf := make([]byte, 16<<10)
	for s.Duration() < maxDecoded {
		n, err := io.ReadFull(dec, buf)
		for b := buf[:n-n%4]; len(b) > 0; b = b[4:] { // always stereo
			left, right := int16(binary.LittleEndian.Uint16(b)), int16(binary.LittleEndian.Uint16(b[2:]))
			s.Samples = append(s.Samples, int16((int(left)+int(right))/2))
		}
		if err != nil {
			break
		}
	}
	if len(s.Samples) == 0 {
		return Sound{}, fmt.Errorf("decoding MP3: %w", ErrFormat)
	}
	return s, nil
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
