package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// ErrFormat means that a file or stream is not of a kind that we read.
var ErrFormat = errors.New("not a sound format that we read")

const (
	wavHeader = 44
	wavOpen   = math.MaxUint32 // the length of a file that is still being written

	wavPCM        = 1
	wavALaw       = 6
	wavULaw       = 7
	wavExtensible = 0xfffe
)

// A WAVWriter writes 16-bit mono PCM as a WAV file while it comes. Until Close
// the header says that the length is unknown; a WAVReader reads such a file to
// its end.
type WAVWriter struct {
	w    io.WriteSeeker
	size int64 // of the samples, in bytes
	buf  []byte
}

// NewWAVWriter writes the header.
func NewWAVWriter(w io.WriteSeeker, rate int) (*WAVWriter, error) {
	h := make([]byte, 0, wavHeader)
	h = append(h, "RIFF\xff\xff\xff\xffWAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, wavPCM)
	h = binary.LittleEndian.AppendUint16(h, 1)
	h = binary.LittleEndian.AppendUint32(h, uint32(rate))
	h = binary.LittleEndian.AppendUint32(h, uint32(2*rate))
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 16)
	h = append(h, "data\xff\xff\xff\xff"...)
	if _, err := w.Write(h); err != nil {
		return nil, fmt.Errorf("writing WAV header: %w", err)
	}
	return &WAVWriter{w: w}, nil
}

// Write appends samples. Nothing is held back.
func (w *WAVWriter) Write(samples []int16) error {
	w.buf = w.buf[:0]
	for _, s := range samples {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(s))
	}
	n, err := w.w.Write(w.buf)
	w.size += int64(n)
	if err != nil {
		return fmt.Errorf("writing WAV: %w", err)
	}
	return nil
}

// Close puts the length into the header. It does not close the file below.
func (w *WAVWriter) Close() error {
	for _, f := range []struct{ at, size int64 }{{4, w.size + wavHeader - 8}, {wavHeader - 4, w.size}} {
		if _, err := w.w.Seek(f.at, io.SeekStart); err != nil {
			return fmt.Errorf("finishing WAV header: %w", err)
		}
		b := binary.LittleEndian.AppendUint32(nil, uint32(min(f.size, wavOpen)))
		if _, err := w.w.Write(b); err != nil {
			return fmt.Errorf("finishing WAV header: %w", err)
		}
	}
	_, err := w.w.Seek(0, io.SeekEnd)
	return err
}

// A WAVReader reads a WAV file of 16-bit PCM or G.711 and mixes its channels
// down to one. A file that was cut off, even within a sample, ends where it was
// cut off.
type WAVReader struct {
	r        io.Reader // of the samples only
	coding   uint16
	channels int
	rate     int
	buf      []byte
}

// NewWAVReader reads the header. It returns ErrFormat for what is no WAV file of
// those kinds.
func NewWAVReader(r io.Reader) (*WAVReader, error) {
	b := bufio.NewReader(r)
	var riff [12]byte
	if _, err := io.ReadFull(b, riff[:]); err != nil || string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return nil, fmt.Errorf("reading WAV: %w", ErrFormat)
	}
	w := &WAVReader{}
	for {
		var head [8]byte
		if _, err := io.ReadFull(b, head[:]); err != nil {
			return nil, fmt.Errorf("reading WAV: %w", ErrFormat)
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		switch id := string(head[:4]); {
		case id == "data" && w.rate != 0:
			w.r = b
			if size != wavOpen {
				w.r = io.LimitReader(b, size)
			}
			return w, nil
		case id == "fmt " && size >= 16 && size <= 64:
			chunk := make([]byte, size+size%2)
			if _, err := io.ReadFull(b, chunk); err != nil || !w.parse(chunk) {
				return nil, fmt.Errorf("reading WAV: %w", ErrFormat)
			}
		default:
			if _, err := io.CopyN(io.Discard, b, size+size%2); err != nil {
				return nil, fmt.Errorf("reading WAV: %w", ErrFormat)
			}
		}
	}
}

// parse takes over what a fmt chunk says and reports whether we read that kind.
func (r *WAVReader) parse(chunk []byte) bool {
	r.coding = binary.LittleEndian.Uint16(chunk)
	if r.coding == wavExtensible && len(chunk) >= 26 {
		r.coding = binary.LittleEndian.Uint16(chunk[24:])
	}
	r.channels = int(binary.LittleEndian.Uint16(chunk[2:]))
	rate := binary.LittleEndian.Uint32(chunk[4:])
	bits := binary.LittleEndian.Uint16(chunk[14:])
	if r.channels < 1 || r.channels > 8 || rate < 1000 || rate > 192000 {
		return false
	}
	r.rate = int(rate)
	switch r.coding {
	case wavPCM:
		return bits == 16
	case wavALaw, wavULaw:
		return bits == 8
	}
	return false
}

// Rate returns the samples per second.
func (r *WAVReader) Rate() int { return r.rate }

// Read fills samples as far as it can; at the end it returns 0 and io.EOF.
func (r *WAVReader) Read(samples []int16) (int, error) {
	width := 1
	if r.coding == wavPCM {
		width = 2
	}
	want := len(samples) * r.channels * width
	if cap(r.buf) < want {
		r.buf = make([]byte, want)
	}
	got, err := io.ReadFull(r.r, r.buf[:want])
	n := got / (r.channels * width)
	for i := range n {
		sum := 0
		for c := range r.channels {
			sum += int(r.sample(i*r.channels + c))
		}
		samples[i] = int16(sum / r.channels)
	}
	switch {
	case n > 0 || want == 0:
		return n, nil
	case err == io.ErrUnexpectedEOF:
		return 0, io.EOF
	}
	return 0, err
}

// sample returns the i-th value in the buffer, whatever its channel.
func (r *WAVReader) sample(i int) int16 {
	var s [1]int16
	switch r.coding {
	case wavALaw:
		PCMA.Decode(s[:], r.buf[i:])
	case wavULaw:
		PCMU.Decode(s[:], r.buf[i:])
	default:
		s[0] = int16(binary.LittleEndian.Uint16(r.buf[2*i:]))
	}
	return s[0]
}

// maxWAV is the longest sound that ReadWAV holds in memory.
const maxWAV = 10 * time.Minute

// ReadWAV returns all of a WAV file, or its first ten minutes.
func ReadWAV(r io.Reader) (Sound, error) {
	w, err := NewWAVReader(r)
	if err != nil {
		return Sound{}, err
	}
	return collect(w, w.rate, maxWAV)
}
