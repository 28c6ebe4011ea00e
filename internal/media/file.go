package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// A talker is a file of sound that is read piece by piece.
type source interface {
	Rate() int // samples per second
	// Read fills samples as far as it can; at the end it returns 0 and io.EOF.
	Read(samples []int16) (int, error)
}

// ReadSound returns the sound of a WAV or MP3 file at a rate: as much as most and
// less than a second more, however long the file is. It is for what strangers send:
// it holds no more in memory than what it returns. It returns ErrFormat for a file
// that is neither, or of a rate that no machine records at.
func ReadSound(data []byte, rate int, most time.Duration) (Sound, error) {
	var src source
	src, err := NewWAVReader(bytes.NewReader(data))
	if errors.Is(err, ErrFormat) {
		src, err = newMP3Reader(data)
	}
	if err != nil {
		return Sound{}, err
	}
	return collect(src, rate, most)
}

// collect returns what src has at a rate, until it is as long as most.
func collect(src source, rate int, most time.Duration) (Sound, error) {
	from := src.Rate()
	s, total := Sound{Rate: rate}, 0
	var resampler *Resampler
	if from != rate {
		resampler = NewResampler(from, rate)
	}
	frame := make([]int16, max(from/10, 1))
	for s.Duration() < most {
		n, err := src.Read(frame)
		if err == io.EOF {
			break
		}
		if err != nil {
			return Sound{}, fmt.Errorf("reading sound: %w", err)
		}
		total += n
		if resampler == nil {
			s.Samples = append(s.Samples, frame[:n]...)
		} else {
			s.Samples = resampler.Process(s.Samples, frame[:n])
		}
	}
	if resampler != nil {
		s.Samples = resampler.finish(s.Samples, int(int64(total)*int64(rate)/int64(from)))
	}
	return s, nil
}
