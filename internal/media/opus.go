package media

import "fmt"

// What we ask of the encoder: clear speech, and a coarse copy of each frame in the
// next, for a line that loses some. Above this complexity the score of speech does
// not rise any more; a larger loss makes larger copies, at the cost of the speech.
const (
	opusBitrate    = 24000 + 8000 // bits a second, of the speech and of the copies
	opusComplexity = 6            // of 10
	opusLoss       = 1            // per cent
	opusLargest    = 1275         // bytes of a frame, RFC 6716 §3.4
)

// An opusReader is a decoder of the library.
type opusReader interface {
	Decode(payload []byte, pcm []int16) (int, error)
	DecodeFEC(next []byte, pcm []int16) error // a copy in next of the frame before it
	DecodePLC(pcm []int16) error              // a guess
}

// An opusWriter is an encoder of the library.
type opusWriter interface {
	Encode(pcm []int16, payload []byte) (int, error)
}

// An opusDecoder decodes a stream of Opus (RFC 6716).
type opusDecoder struct {
	rate int
	d    opusReader
	last int // samples of the last payload
}

func newOpusDecoder(rate int) (Decoder, error) {
	d, err := newOpusReader(rate)
	if err != nil {
		return nil, fmt.Errorf("decoding opus: %w", err)
	}
	return &opusDecoder{rate: rate, d: d, last: rate / 50}, nil
}

func (d *opusDecoder) Rate() int { return d.rate }

func (d *opusDecoder) Decode(dst []int16, payload []byte) []int16 {
	all, room := extend(dst, d.rate*120/1000)
	n, err := d.d.Decode(payload, room)
	if err != nil {
		return dst
	}
	d.last = n
	return all[:len(dst)+n]
}

func (d *opusDecoder) Recover(dst []int16, n int, next []byte) []int16 {
	unit := d.rate / 400 // the library thinks in pieces of 2.5 ms
	n -= n % unit
	copied := min(n, d.last) // what next may hold a copy of
	if len(next) == 0 {
		copied = 0
	}
	if guessed := n - copied; guessed > 0 {
		all, room := extend(dst, guessed)
		if d.d.DecodePLC(room) == nil {
			dst = all
		}
	}
	if copied > 0 {
		all, room := extend(dst, copied)
		if d.d.DecodeFEC(next, room) == nil {
			dst = all
		}
	}
	return dst
}

// An opusEncoder encodes a stream of Opus.
type opusEncoder struct {
	rate int
	e    opusWriter
}

func newOpusEncoder(rate int) (Encoder, error) {
	e, err := newOpusWriter(rate)
	if err != nil {
		return nil, fmt.Errorf("encoding opus: %w", err)
	}
	return opusEncoder{rate: rate, e: e}, nil
}

func (e opusEncoder) Rate() int { return e.rate }

func (e opusEncoder) Encode(dst []byte, samples []int16) []byte {
	all, room := extend(dst, opusLargest)
	n, err := e.e.Encode(samples, room)
	if err != nil {
		return dst // a length that Opus has no frame for
	}
	return all[:len(dst)+n]
}

// settings is what both libraries let be said about an encoder.
type settings interface {
	SetBitrate(int) error
	SetComplexity(int) error
	SetInBandFEC(bool) error
	SetPacketLossPerc(int) error
}

// setOpus tells e what we ask of it.
func setOpus(e settings) error {
	for _, err := range []error{
		e.SetBitrate(opusBitrate), e.SetComplexity(opusComplexity), e.SetInBandFEC(true), e.SetPacketLossPerc(opusLoss),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
