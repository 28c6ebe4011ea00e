package media

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gotranspile/g722"
)

// ErrCodec means that this binary does not speak a codec: it is none of PCMA,
// PCMU, G722 and opus.
var ErrCodec = errors.New("codec not spoken")

// A Decoder turns the payloads of one stream into samples. It keeps what the
// codec remembers from one payload to the next, so it is used by one goroutine
// and for one stream. It does not allocate where dst has room.
type Decoder interface {
	// Rate is the number of samples a second that Decode gives.
	Rate() int

	// Decode appends the samples of payload to dst and returns it. A payload
	// that cannot be decoded has none. No payload has more than 120 ms of sound,
	// or two samples a byte.
	Decode(dst []int16, payload []byte) []int16

	// Recover appends about n samples in place of sound that did not come. next
	// is the payload after the gap, which may carry some of it and is decoded
	// afterwards; nil where there is none yet.
	Recover(dst []int16, n int, next []byte) []int16
}

// An Encoder turns samples into the payloads of one stream. It is used by one
// goroutine and for one stream. It does not allocate where dst has room.
type Encoder interface {
	// Rate is the number of samples a second that Encode takes.
	Rate() int

	// Encode appends to dst the payload that holds samples and returns it. There
	// are 10, 20, 40 or 60 ms of them.
	Encode(dst []byte, samples []int16) []byte
}

// NewDecoder returns a decoder for the codec of that name in SDP, in any case.
// PCMA and PCMU give 8 kHz, G722 gives 16 kHz and opus 48 kHz, mixed down to one
// channel. It returns ErrCodec for any other.
func NewDecoder(name string) (Decoder, error) { return newDecoder(name, opusRate) }

// NewEncoder returns an encoder for the codec of that name in SDP, in any case,
// which takes samples at the rate of its decoder. It returns ErrCodec for a codec
// that is not spoken.
func NewEncoder(name string) (Encoder, error) { return newEncoder(name, opusRate) }

// NewCallEncoder returns an encoder that takes 16,000 samples a second, whatever the
// codec. It returns ErrCodec for a codec that is not spoken.
func NewCallEncoder(name string) (Encoder, error) {
	e, err := newEncoder(name, callRate)
	if err != nil || e.Rate() == callRate {
		return e, err
	}
	r := NewResampler(callRate, e.Rate())
	return &callEncoder{encoder: e, resampler: r, pending: make([]int16, r.late(), callRate/10)}, nil
}

// A callEncoder takes sound for an encoder of another rate.
type callEncoder struct {
	encoder   Encoder
	resampler *Resampler
	pending   []int16 // begins with silence in place of what the resampler keeps back
}

func (*callEncoder) Rate() int { return callRate }

func (c *callEncoder) Encode(dst []byte, samples []int16) []byte {
	c.pending = c.resampler.Process(c.pending, samples)
	n := min(len(c.pending), len(samples)*c.encoder.Rate()/callRate)
	dst = c.encoder.Encode(dst, c.pending[:n])
	c.pending = c.pending[:copy(c.pending, c.pending[n:])]
	return dst
}

// opusRate is the usual rate of Opus, and always that of its timestamps.
const opusRate = 48000

// newDecoder is NewDecoder with the rate that opus, which knows several, gives.
func newDecoder(name string, rate int) (Decoder, error) {
	switch strings.ToUpper(name) {
	case "PCMA":
		return &lawDecoder{law: PCMA, tail: newConcealer(8000)}, nil
	case "PCMU":
		return &lawDecoder{law: PCMU, tail: newConcealer(8000)}, nil
	case "G722":
		return &g722Decoder{d: g722.NewDecoder(g722.Rate64000, 0), tail: newConcealer(16000)}, nil
	case "OPUS":
		return newOpusDecoder(rate)
	}
	return nil, fmt.Errorf("decoding %s: %w", name, ErrCodec)
}

// newEncoder is NewEncoder with the rate that opus takes.
func newEncoder(name string, rate int) (Encoder, error) {
	switch strings.ToUpper(name) {
	case "PCMA":
		return lawEncoder{PCMA}, nil
	case "PCMU":
		return lawEncoder{PCMU}, nil
	case "G722":
		return g722Encoder{g722.NewEncoder(g722.Rate64000, 0)}, nil
	case "OPUS":
		return newOpusEncoder(rate)
	}
	return nil, fmt.Errorf("encoding %s: %w", name, ErrCodec)
}

// extend returns s with n more elements, and these alone.
func extend[E any](s []E, n int) (longer, added []E) {
	longer = slices.Grow(s, n)[:len(s)+n]
	return longer, longer[len(s):len(longer):len(longer)]
}
