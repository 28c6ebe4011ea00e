// Package sdp reads, answers and writes session descriptions (RFC 8866, the
// offer/answer rules of RFC 3264, keys of RFC 4568) as far as telephone calls
// need them: one sound stream, other streams refused. It is pure: it opens
// nothing and keeps nothing. Package ua calls it for every description from
// outside; Parse accepts the sloppy forms that telephones really send and
// refuses the rest with an error, never with a panic.
package sdp

import (
	"net/netip"
	"time"
)

// A Direction says which way sound may flow, seen from who wrote it.
type Direction string

// The directions. An absent one means SendRecv.
const (
	SendRecv Direction = "sendrecv"
	SendOnly Direction = "sendonly"
	RecvOnly Direction = "recvonly"
	Inactive Direction = "inactive"
)

// Reverse returns the direction with which d is answered.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// The transport profiles of sound.
const (
	AVP   = "RTP/AVP"
	SAVP  = "RTP/SAVP"
	AVPF  = "RTP/AVPF"
	SAVPF = "RTP/SAVPF"
)

// A Session is one session description.
type Session struct {
	Media []Media // every m= line, in order, the refused ones too
}

// A Media is one m= line with what belongs to it. Attributes and connection of
// the session level are already filled in where the line had none of its own.
type Media struct {
	Kind      string // "audio", "video", "image", …
	Port      int    // 0: refused or switched off
	Proto     string
	Formats   []string // the raw format list, for answering lines that we refuse
	Codecs    []Codec  // of an RTP line, in order of preference
	Addr      netip.Addr
	Direction Direction
	Ptime     time.Duration // wished packet length, 0 where not said
	Cryptos   []Crypto
}

// Secure reports whether m is carried by SRTP.
func (m *Media) Secure() bool { return m.Proto == SAVP || m.Proto == SAVPF }

// isRTP reports whether m is an RTP stream of a profile that we speak.
func (m *Media) isRTP() bool {
	return m.Proto == AVP || m.Proto == AVPF || m.Secure()
}

// OnHold reports whether m asks that nothing be sent to it: by direction, or by
// the address 0.0.0.0 of RFC 2543.
func (m *Media) OnHold() bool {
	return m.Direction == SendOnly || m.Direction == Inactive || m.Addr.IsUnspecified()
}

// Audio returns the first sound stream that can be used, or nil.
func (s *Session) Audio() *Media {
	if i := s.audio(); i >= 0 {
		return &s.Media[i]
	}
	return nil
}

// audio is the index of Audio, or -1.
func (s *Session) audio() int {
	for i := range s.Media {
		if m := &s.Media[i]; m.Kind == "audio" && m.Port != 0 && m.isRTP() && m.Addr.IsValid() {
			return i
		}
	}
	return -1
}
