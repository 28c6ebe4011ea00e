package rtp

import "encoding/binary"

// headerLen is the length of an RTP header without CSRCs and extensions.
const headerLen = 12

// A packet is a received packet, cut open in place (RFC 3550 §5.1).
type packet struct {
	marker    bool
	pt        uint8
	sequence  uint16
	timestamp uint32
	ssrc      uint32
	payload   []byte
}

// parse cuts b open. It reports false for what is no RTP: a wrong version, an
// RTCP packet, lengths that do not add up.
func parse(b []byte) (p packet, ok bool) {
	if len(b) < headerLen || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 {
		return p, false
	}
	p.marker, p.pt = b[1]&0x80 != 0, b[1]&0x7f
	p.sequence = binary.BigEndian.Uint16(b[2:])
	p.timestamp = binary.BigEndian.Uint32(b[4:])
	p.ssrc = binary.BigEndian.Uint32(b[8:])
	padded, extended := b[0]&0x20 != 0, b[0]&0x10 != 0
	csrcs := 4 * int(b[0]&0x0f)
	if b = b[headerLen:]; len(b) < csrcs {
		return p, false
	}
	b = b[csrcs:]
	if extended {
		if len(b) < 4 {
			return p, false
		}
		n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < n {
			return p, false
		}
		b = b[n:]
	}
	if padded {
		if len(b) == 0 || int(b[len(b)-1]) > len(b) || b[len(b)-1] == 0 {
			return p, false
		}
		b = b[:len(b)-int(b[len(b)-1])]
	}
	p.payload = b
	return p, true
}

// appendPacket appends p as a packet to b.
func appendPacket(b []byte, p *packet) []byte {
	second := p.pt
	if p.marker {
		second |= 0x80
	}
	b = append(b, 2<<6, second)
	b = binary.BigEndian.AppendUint16(b, p.sequence)
	b = binary.BigEndian.AppendUint32(b, p.timestamp)
	b = binary.BigEndian.AppendUint32(b, p.ssrc)
	return append(b, p.payload...)
}
