// Package rtp is the media of one call leg on the wire: a UDP socket, RTP packets
// in and out, SRTP, where the far side is, telephone events and the counting. It
// knows no SIP: package ua negotiates with the far side and tells a Session what
// was agreed; packages bridge and softphone meet it as the packets of a ua.Leg.
//
// The RFCs: 3550 (RTP), 3711 and 4568 (SRTP with keys in SDP), 4733 (telephone
// events).
package rtp

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/sdp"
)

// maxDatagram is the longest RTP packet that is looked at.
const maxDatagram = 2048

// A Packet is one RTP packet without its wrapping.
type Packet struct {
	Event     bool // a telephone event (RFC 4733), not sound
	Marker    bool
	Sequence  uint16
	Timestamp uint32 // in the codec's clock
	SSRC      uint32
	Payload   []byte // of an event: its duration is told in 1/8000 s
	Digit     rune   // that begins with this event; 0: none
}

// eventClock is the clock of the durations in a Packet, whatever the far side's.
const eventClock = 8000

// A Session is the media of one leg. It is safe for concurrent use. Reading and
// writing have a lock each, so that neither waits for the other; a new agreement
// takes both.
type Session struct {
	ports  *Ports
	conn   socket
	name   netip.AddrPort // how the SDP calls the socket
	leave  func()         // tells the ports that it is closed, once
	signal netip.Addr     // whence the signalling comes: sound may come from there too

	in struct {
		sync.Mutex
		cipher  *cipher // nil: plain RTP
		formats Formats
		far     netip.AddrPort // where the far side says that it is
		latched netip.AddrPort // whence its packets come; invalid until the first
		digits  digitReader
	}
	out struct {
		sync.Mutex
		cipher  *cipher
		formats Formats
		muted   bool // the far side wants nothing, or has no address
		writer  writer
		buf     []byte
	}
	remote atomic.Pointer[netip.AddrPort] // where packets are sent

	hearing sync.Mutex // held while hear runs
	hear    func(p *Packet)

	stats counters
}

// Formats are the payload types of one leg as each side calls them.
type Formats struct {
	Codec     sdp.Codec // of the sound, with the payload type that the far side wants
	Event     sdp.Codec // of telephone events; no Name: none
	CodecOurs uint8     // the payload type that we named for Codec; usually the same
	EventOurs uint8
}

// Open binds a socket on the address bind, with a port of ports. In SDP it is known
// under the address name; signal is whence the far side's signalling comes. Nothing
// is read before Run, nothing sent before Agree.
func Open(ports *Ports, bind, name, signal netip.Addr) (*Session, error) {
	conn, err := ports.bind(bind)
	if err != nil {
		return nil, err
	}
	conn.share(true) // until somebody listens
	s := &Session{ports: ports, conn: conn, signal: signal}
	s.name = netip.AddrPortFrom(name, conn.port())
	s.out.muted = true // until the far side has said where it is
	at := netip.AddrPortFrom(bind.Unmap(), conn.port())
	s.out.writer = writer{ssrc: rand.Uint32(), sequence: uint16(rand.Uint32()), timestamp: rand.Uint32()}
	s.ports.enter(at)
	s.leave = sync.OnceFunc(func() { ports.leave(at) })
	return s, nil
}

// Name returns the address at which the far side must send.
func (s *Session) Name() netip.AddrPort { return s.name }

// Close ends the session: Run returns, and Write fails with net.ErrClosed.
func (s *Session) Close() {
	s.conn.end()
	s.leave()
}

// Agree takes over what an exchange of descriptions has settled: the far side's
// address, formats, our key and its key (nil: plain RTP). Keys that did not change
// go on where they are.
func (s *Session) Agree(far *sdp.Media, f Formats, ours, theirs *sdp.Crypto) error {
	s.in.Lock()
	defer s.in.Unlock()
	s.out.Lock()
	defer s.out.Unlock()
	if err := renew(&s.in.cipher, theirs); err != nil {
		return err
	}
	if err := renew(&s.out.cipher, ours); err != nil {
		return err
	}
	s.in.formats, s.out.formats = f, f
	if to := netip.AddrPortFrom(far.Addr, uint16(far.Port)); to != s.in.far {
		s.in.far = to
		s.remote.Store(&to)
	}
	s.in.latched = netip.AddrPort{} // it may speak from elsewhere now
	s.out.muted = far.OnHold() || far.Port == 0
	return nil
}

// Run reads until Close: every packet goes to who listens, then a digit that begins
// with it to press. It may be called once.
func (s *Session) Run(press func(digit rune)) {
	var p Packet
	s.conn.run(func(b []byte, from netip.AddrPort) {
		if s.accept(b, from, &p) {
			s.deliver(&p)
			if p.Digit != 0 {
				press(p.Digit)
			}
		}
	})
}

// Listen hands every packet from now on to hear, within Run; nil: they are dropped.
// p and its payload are valid during the call only. When Listen returns, the hear of
// before is not running any more: it must not be called within hear.
func (s *Session) Listen(hear func(p *Packet)) {
	if hear == nil { // then nobody waits
		s.Carry(nil)
		return
	}
	s.conn.share(false)
	s.setHear(hear)
}

// Carry is Listen for a hear that never waits, as one that does no more than write
// the packet elsewhere: where other sessions carry as well, one goroutine reads for
// all of them.
func (s *Session) Carry(hear func(p *Packet)) {
	s.setHear(hear)
	s.conn.share(true)
}

func (s *Session) setHear(hear func(p *Packet)) {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	s.hear = hear
}

// deliver hands p to who listens.
func (s *Session) deliver(p *Packet) {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	if s.hear != nil {
		s.hear(p)
	}
}

// accept judges one datagram and puts it into p, whose payload lies within b or
// the cipher's memory. Strangers are dropped before anything is decrypted (design
// §5: latching).
func (s *Session) accept(b []byte, from netip.AddrPort, p *Packet) (ok bool) {
	s.in.Lock()
	defer s.in.Unlock()
	if s.in.latched.IsValid() {
		if from != s.in.latched {
			return false
		}
	} else if from.Addr() != s.in.far.Addr() && from.Addr() != s.signal {
		return false
	}
	if s.in.formats.Codec.Name == "" {
		return false // nothing agreed yet
	}
	if s.in.cipher != nil {
		if b, ok = s.in.cipher.decrypt(b); !ok {
			return false
		}
	}
	r, ok := parse(b)
	if !ok {
		return false
	}
	f := &s.in.formats
	event := f.isEvent(r.pt)
	if !event && !f.isSound(r.pt) {
		return false
	}
	if !s.in.latched.IsValid() {
		if s.ports.Lead(from, s.name.Addr()) {
			return false // one of ours: it would go round for ever
		}
		s.in.latched = from
		to := from // a copy: the address of from would put it on the heap for every packet
		s.remote.Store(&to)
	}
	s.stats.received(&r, event, f.Codec.Clock)
	*p = Packet{Event: event, Marker: r.marker, Sequence: r.sequence, Timestamp: r.timestamp, SSRC: r.ssrc, Payload: r.payload}
	if event {
		p.Digit = s.in.digits.read(r.ssrc, r.timestamp, p.Payload, time.Now())
		rescale(p.Payload, f.Event.Clock, eventClock)
	}
	return true
}

func (f *Formats) isEvent(pt uint8) bool {
	return f.Event.Name != "" && (pt == f.Event.PayloadType || pt == f.EventOurs)
}

func (f *Formats) isSound(pt uint8) bool {
	return pt == f.Codec.PayloadType || pt == f.CodecOurs
}

// TakesEvents reports whether the far side takes telephone events.
func (s *Session) TakesEvents() bool {
	s.out.Lock()
	defer s.out.Unlock()
	return s.out.formats.Event.Name != ""
}

// Write sends p at once. Sequence, Timestamp and SSRC of p belong to its source;
// when the source changes, the session's own numbers go on without a gap. Events are
// dropped where the far side takes none, and everything while it holds, which is no
// error. It returns net.ErrClosed after Close.
func (s *Session) Write(p *Packet) error {
	s.out.Lock()
	defer s.out.Unlock()
	if s.out.muted || p.Event && s.out.formats.Event.Name == "" || s.out.writer.digit {
		return nil // the last: a digit of our own is on the way
	}
	r := s.out.writer.next(p, s.out.formats.Codec.Clock, time.Now())
	r.pt = s.out.formats.Codec.PayloadType
	if p.Event {
		r.pt = s.out.formats.Event.PayloadType
		if len(r.payload) == 4 && s.out.formats.Event.Clock != eventClock {
			r.payload = append([]byte(nil), r.payload...)
			rescale(r.payload, eventClock, s.out.formats.Event.Clock)
		}
	}
	return s.send(&r)
}

// send puts r on the wire. s.out must be locked.
func (s *Session) send(r *packet) error {
	if len(r.payload) > maxDatagram-headerLen-16 {
		return nil
	}
	s.out.buf = appendPacket(s.out.buf[:0], r)
	b := s.out.buf
	if s.out.cipher != nil {
		var err error
		if b, err = s.out.cipher.encrypt(b); err != nil {
			return err
		}
	}
	if err := s.conn.write(b, *s.remote.Load()); err != nil {
		return err
	}
	s.stats.sent(len(r.payload))
	return nil
}

// Stats returns the counts so far.
func (s *Session) Stats() Stats { return s.stats.load() }

// renew replaces the cipher where the key changed.
func renew(c **cipher, k *sdp.Crypto) error {
	switch {
	case k == nil:
		*c = nil
		return nil
	case *c != nil && (*c).crypto.Key == k.Key && (*c).crypto.Suite == k.Suite:
		return nil
	}
	fresh, err := newCipher(*k)
	if err == nil {
		*c = fresh
	}
	return err
}
