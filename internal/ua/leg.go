package ua

import (
	"context"

	"timbre/internal/sdp"
)

// A Leg is one side of an answered call: its sound in packets, its digits, its
// end. It is safe for concurrent use; one goroutine reads packets and one writes.
type Leg struct{}

// ID returns the Call-ID.
func (l *Leg) ID() string { return "" }

// Codec returns the negotiated sound codec with the payload type in which we send.
func (l *Leg) Codec() sdp.Codec { return sdp.Codec{} }

// Secure reports whether the leg's packets are SRTP.
func (l *Leg) Secure() bool { return false }

// A Packet is one RTP packet without its wrapping.
type Packet struct {
	Event     bool // a telephone event (RFC 4733), not sound
	Marker    bool
	Sequence  uint16
	Timestamp uint32 // in the codec's clock
	SSRC      uint32
	Payload   []byte
}

// ReadPacket fills p with the next packet. The payload is p's own memory, reused
// by the next call with the same p. It returns io.EOF after the leg's end.
func (l *Leg) ReadPacket(p *Packet) error { return ErrClosed }

// WritePacket sends p at once. Sequence, Timestamp and SSRC of p belong to its
// source; when the source (the SSRC) changes, the leg's own numbers go on without
// a gap. Events get the leg's own payload type and are dropped where it has none;
// while the far side holds the call nothing is sent, which is no error. It
// returns ErrClosed after the leg's end.
func (l *Leg) WritePacket(p *Packet) error { return ErrClosed }

// Digits delivers the digits that the far side presses, from telephone events and
// INFO, each once: 0-9 * # A-D. It is closed at the leg's end. Digits that nobody
// reads are dropped after 32.
func (l *Leg) Digits() <-chan rune { return nil }

// SendDigit sends one digit as a telephone event of 100 ms, or as INFO where the
// far side takes no events. It blocks for the event's duration.
func (l *Leg) SendDigit(ctx context.Context, digit rune) error { return ErrClosed }

// Done is closed at the leg's end.
func (l *Leg) Done() <-chan struct{} { return nil }

// A Cause is how a leg ended.
type Cause struct {
	Code     int // 200 for a plain hang-up, else a SIP status such as 408
	ByRemote bool
}

// Cause returns how the leg ended; the zero Cause while it has not.
func (l *Leg) Cause() Cause { return Cause{} }

// Hangup ends the leg: Done is closed at once, BYE is sent and its answer waited
// for until ctx ends. Hanging up twice, or after the far side did, is no error.
func (l *Leg) Hangup(ctx context.Context) error { return ErrClosed }

// Stats counts what a leg has carried.
type Stats struct {
	SentPackets, SentBytes         uint64 // bytes of payload
	ReceivedPackets, ReceivedBytes uint64
	Lost                           uint64 // gaps in the received sequence numbers
	Jitter                         float64 // seconds, as in RFC 3550 §6.4.1
}

// Stats returns the counts so far.
func (l *Leg) Stats() Stats { return Stats{} }
