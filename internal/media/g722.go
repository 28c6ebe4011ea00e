package media

import "github.com/gotranspile/g722"

// decodeG722 returns the sound of a G.722 stream at 64 kbit/s. Any bytes decode
// to something.
func decodeG722(data []byte) Sound {
	return Sound{Rate: 16000, Samples: g722.Decode(data, 64000, 0)}
}

// A g722Decoder decodes a stream of G.722 at 64 kbit/s.
type g722Decoder struct {
	d    *g722.Decoder
	tail concealer
}

func (*g722Decoder) Rate() int { return 16000 }

func (d *g722Decoder) Decode(dst []int16, payload []byte) []int16 {
	dst, samples := extend(dst, 2*len(payload))
	d.d.Decode(samples, payload)
	d.tail.goOnWith(samples)
	return dst
}

func (d *g722Decoder) Recover(dst []int16, n int, _ []byte) []int16 { return d.tail.goOn(dst, n) }

// A g722Encoder encodes a stream of G.722 at 64 kbit/s.
type g722Encoder struct{ e *g722.Encoder }

func (g722Encoder) Rate() int { return 16000 }

func (e g722Encoder) Encode(dst []byte, samples []int16) []byte {
	dst, payload := extend(dst, len(samples)/2)
	e.e.Encode(payload, samples[:2*len(payload)])
	return dst
}
