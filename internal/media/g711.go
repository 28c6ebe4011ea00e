package media

import "github.com/zaf/g711"

// A Law is one of the two companding laws of G.711.
type Law uint8

// The laws of G.711, by their names in SDP.
const (
	PCMU Law = iota // µ-law
	PCMA            // A-law
)

// Encode compresses src into dst, a byte for each sample, and returns how many
// it wrote: the shorter of the two lengths. It does not allocate.
func (l Law) Encode(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	if l == PCMA {
		for i, s := range src[:n] {
			dst[i] = g711.EncodeAlawFrame(s)
		}
		return n
	}
	for i, s := range src[:n] {
		dst[i] = g711.EncodeUlawFrame(s)
	}
	return n
}

// Decode expands src into dst, a sample for each byte, and returns how many it
// wrote: the shorter of the two lengths. It does not allocate.
func (l Law) Decode(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	if l == PCMA {
		for i, b := range src[:n] {
			dst[i] = g711.DecodeAlawFrame(b)
		}
		return n
	}
	for i, b := range src[:n] {
		dst[i] = g711.DecodeUlawFrame(b)
	}
	return n
}

// Transcode rewrites src, which is in law l, into dst in the other law and
// returns how many bytes it wrote: the shorter of the two lengths. dst may be
// src.
func (l Law) Transcode(dst, src []byte) int {
	n := min(len(dst), len(src))
	if l == PCMA {
		for i, b := range src[:n] {
			dst[i] = g711.Alaw2UlawFrame(b)
		}
		return n
	}
	for i, b := range src[:n] {
		dst[i] = g711.Ulaw2AlawFrame(b)
	}
	return n
}

// Silence returns the byte that stands for no sound.
func (l Law) Silence() byte {
	if l == PCMA {
		return 0xd5
	}
	return 0xff
}

// A lawDecoder decodes a stream of G.711.
type lawDecoder struct {
	law  Law
	tail concealer
}

func (*lawDecoder) Rate() int { return 8000 }

func (d *lawDecoder) Decode(dst []int16, payload []byte) []int16 {
	dst, samples := extend(dst, len(payload))
	d.law.Decode(samples, payload)
	d.tail.goOnWith(samples)
	return dst
}

func (d *lawDecoder) Recover(dst []int16, n int, _ []byte) []int16 { return d.tail.goOn(dst, n) }

// A lawEncoder encodes a stream of G.711.
type lawEncoder struct{ law Law }

func (lawEncoder) Rate() int { return 8000 }

func (e lawEncoder) Encode(dst []byte, samples []int16) []byte {
	dst, payload := extend(dst, len(samples))
	e.law.Encode(payload, samples)
	return dst
}
