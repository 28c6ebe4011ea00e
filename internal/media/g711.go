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
