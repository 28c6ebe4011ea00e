package sdp

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A Local is our side of a description: what Offer and Answer write.
type Local struct {
	ID, Version uint64 // of the o= line: ID stays for the call, Version grows with each change
	Addr        netip.Addr
	Port        int
	Codecs      []Codec
	Direction   Direction     // empty: SendRecv
	Ptime       time.Duration // 0: not said
	Cryptos     []Crypto      // none: plain RTP
}

// Offer returns a description with one sound stream.
func Offer(l Local) []byte {
	var b strings.Builder
	l.head(&b)
	proto := AVP
	if len(l.Cryptos) > 0 {
		proto = SAVP
	}
	l.audio(&b, proto)
	return []byte(b.String())
}

// Answer returns the description that answers offer: its first usable sound
// stream is taken with l, whose codecs must have the offer's payload types (see
// Common), in the profile in which it was offered; every other stream is refused
// with port 0 in its place.
func Answer(offer *Session, l Local) []byte {
	var b strings.Builder
	l.head(&b)
	audio := offer.audio()
	for i := range offer.Media {
		m := &offer.Media[i]
		if i == audio {
			l.audio(&b, m.Proto)
			continue
		}
		b.WriteString("m=" + m.Kind + " 0 " + m.Proto + " " + strings.Join(m.Formats, " ") + "\r\n")
	}
	return []byte(b.String())
}

func (l *Local) head(b *strings.Builder) {
	ip := "IP4 "
	if l.Addr.Is6() && !l.Addr.Is4In6() {
		ip = "IP6 "
	}
	ip += l.Addr.Unmap().String()
	b.WriteString("v=0\r\no=- " + strconv.FormatUint(l.ID, 10) + " " + strconv.FormatUint(l.Version, 10) + " IN " + ip +
		"\r\ns=-\r\nc=IN " + ip + "\r\nt=0 0\r\n")
}

func (l *Local) audio(b *strings.Builder, proto string) {
	b.WriteString("m=audio " + strconv.Itoa(l.Port) + " " + proto)
	for _, c := range l.Codecs {
		b.WriteString(" " + strconv.Itoa(int(c.PayloadType)))
	}
	b.WriteString("\r\n")
	for _, c := range l.Codecs {
		b.WriteString("a=rtpmap:" + c.rtpmap() + "\r\n")
		if c.Fmtp != "" {
			b.WriteString("a=fmtp:" + strconv.Itoa(int(c.PayloadType)) + " " + c.Fmtp + "\r\n")
		}
	}
	for _, c := range l.Cryptos {
		b.WriteString("a=crypto:" + c.String() + "\r\n")
	}
	if l.Ptime > 0 {
		b.WriteString("a=ptime:" + strconv.Itoa(int(l.Ptime/time.Millisecond)) + "\r\n")
	}
	d := l.Direction
	if d == "" {
		d = SendRecv
	}
	b.WriteString("a=" + string(d) + "\r\n")
}
