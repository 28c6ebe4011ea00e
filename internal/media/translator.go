package media

import (
	"slices"
	"time"
)

// FrameTime is how much sound a payload of a Translator holds, and the usual
// packet of a telephone.
const FrameTime = 20 * time.Millisecond

// A Translator turns the payloads of a stream in one codec, of whatever length,
// into payloads of FrameTime in another. Between G.711 and G.722 it delays the
// sound by 3 ms, otherwise by what the codecs need. It is used by one goroutine;
// after the first frames it does not allocate.
type Translator struct {
	decoder   Decoder
	resampler *Resampler // nil: the encoder takes the rate that the decoder gives
	encoder   Encoder

	begun   bool // something was put
	decoded []int16
	pending []int16 // what the encoder gets next
	frame   int     // how many samples it gets at once
	payload []byte
}

// NewTranslator returns a translator between two codecs by their names in SDP. It
// returns ErrCodec where one is not spoken.
func NewTranslator(from, to string) (*Translator, error) {
	encoder, err := NewEncoder(to)
	if err != nil {
		return nil, err
	}
	decoder, err := newDecoder(from, encoder.Rate()) // opus gives what the other takes
	if err != nil {
		return nil, err
	}
	if encoder, err = newEncoder(to, decoder.Rate()); err != nil { // opus takes what the other gives
		return nil, err
	}
	t := &Translator{decoder: decoder, encoder: encoder, frame: samplesIn(FrameTime, encoder.Rate())}
	if decoder.Rate() != encoder.Rate() {
		t.resampler = NewResampler(decoder.Rate(), encoder.Rate())
		t.pending = make([]int16, t.resampler.late()) // so that the first payload gives one already
	}
	return t, nil
}

// samplesIn returns how many samples a second at rate has in d.
func samplesIn(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// Put takes a payload and returns how much sound was in it.
func (t *Translator) Put(payload []byte) time.Duration {
	t.decoded = t.decoder.Decode(t.decoded[:0], payload)
	t.take()
	return time.Duration(len(t.decoded)) * time.Second / time.Duration(t.decoder.Rate())
}

// Lost puts a guess in the place of payloads that did not come; next is the one
// after them, which is put afterwards.
func (t *Translator) Lost(d time.Duration, next []byte) {
	t.decoded = t.decoder.Recover(t.decoded[:0], samplesIn(d, t.decoder.Rate()), next)
	t.take()
}

// take queues what was decoded.
func (t *Translator) take() {
	t.begun = true
	if t.resampler != nil {
		t.pending = t.resampler.Process(t.pending, t.decoded)
	} else {
		t.pending = append(t.pending, t.decoded...)
	}
}

// Next returns the next payload, which is valid until the next call, or nil where
// there is not sound enough for one.
func (t *Translator) Next() []byte {
	if len(t.pending) < t.frame {
		return nil
	}
	t.payload = t.encoder.Encode(t.payload[:0], t.pending[:t.frame])
	t.pending = slices.Delete(t.pending, 0, t.frame)
	return t.payload
}

// Skip drops the sound that makes no whole payload and returns how much it was:
// what comes next does not follow it.
func (t *Translator) Skip() time.Duration {
	if !t.begun {
		return 0 // what is pending makes up for the resampler's delay
	}
	n := len(t.pending)
	t.pending = t.pending[:0]
	return time.Duration(n) * time.Second / time.Duration(t.encoder.Rate())
}
