package ua

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/sdp"
)

// maxDatagram is the longest RTP packet that is looked at.
const maxDatagram = 2048

// A sound is the media of one leg: its socket, where the far side is, the keys,
// the counting. Reading and writing have a lock each, so that neither waits for
// the other; changes by re-INVITE take both.
type sound struct {
	conn   *net.UDPConn
	named  netip.AddrPort // how the SDP calls the socket
	signal netip.Addr     // whence the signalling comes: sound may come from there too

	in struct {
		sync.Mutex
		cipher  *cipher // nil: plain RTP
		formats formats
		far     netip.AddrPort // where the far side says that it is
		latched netip.AddrPort // whence its packets come; invalid until the first
		buf     []byte
		digits  digitReader
	}
	out struct {
		sync.Mutex
		cipher  *cipher
		formats formats
		muted   bool // the far side wants nothing, or has no address
		writer  rtpWriter
		buf     []byte
	}
	remote atomic.Pointer[netip.AddrPort] // where packets are sent

	stats counters
}

// formats are the payload types of one leg as each side calls them.
type formats struct {
	codec     sdp.Codec // of the sound, with the payload type that the far side wants
	event     sdp.Codec // of telephone events; no Name: none
	codecOurs uint8     // the payload type that we named for codec; usually the same
	eventOurs uint8
}

func (e *Endpoint) newSound(p path) (*sound, error) {
	conn, err := e.ports.bind(p.local, e.cfg.Media)
	if err != nil {
		return nil, err
	}
	s := &sound{conn: conn, signal: p.peer.Addr()}
	s.named = netip.AddrPortFrom(p.name.Addr(), remote(conn.LocalAddr()).Port())
	s.in.buf = make([]byte, maxDatagram)
	s.out.buf = make([]byte, 0, maxDatagram)
	s.out.muted = true // until the far side has said where it is
	s.out.writer = rtpWriter{ssrc: rand.Uint32(), sequence: uint16(rand.Uint32()), timestamp: rand.Uint32()}
	return s, nil
}

func (s *sound) close() { s.conn.Close() }

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// agree takes over what an exchange of descriptions has settled: the far side's
// address, formats and key, and ours. Keys that did not change go on where they are.
func (s *sound) agree(far *sdp.Media, f formats, local, theirs *sdp.Crypto) error {
	s.in.Lock()
	defer s.in.Unlock()
	s.out.Lock()
	defer s.out.Unlock()
	if err := renew(&s.in.cipher, theirs); err != nil {
		return err
	}
	if err := renew(&s.out.cipher, local); err != nil {
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

// read fills p with the next packet of the leg and returns the digit that began
// with it, if any. It returns io.EOF when the socket is closed.
func (s *sound) read(p *Packet) (digit rune, err error) {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(s.in.buf)
		if err != nil {
			if isClosed(err) {
				return 0, io.EOF
			}
			continue // an ICMP message: the far side is not there yet
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if digit, ok := s.accept(s.in.buf[:n], from, p); ok {
			return digit, nil
		}
	}
}

// accept judges one datagram and puts it into p. Strangers are dropped before
// anything is decrypted (design §5: latching).
func (s *sound) accept(b []byte, from netip.AddrPort, p *Packet) (digit rune, ok bool) {
	s.in.Lock()
	defer s.in.Unlock()
	if s.in.latched.IsValid() {
		if from != s.in.latched {
			return 0, false
		}
	} else if from.Addr() != s.in.far.Addr() && from.Addr() != s.signal {
		return 0, false
	}
	if s.in.formats.codec.Name == "" {
		return 0, false // nothing agreed yet
	}
	if s.in.cipher != nil {
		if b, ok = s.in.cipher.decrypt(b); !ok {
			return 0, false
		}
	}
	r, ok := parseRTP(b)
	if !ok {
		return 0, false
	}
	f := &s.in.formats
	event := f.isEvent(r.pt)
	if !event && !f.isSound(r.pt) {
		return 0, false
	}
	if !s.in.latched.IsValid() {
		s.in.latched = from
		to := from // a copy: the address of from would put it on the heap for every packet
		s.remote.Store(&to)
	}
	s.stats.received(&r, f.codec.Clock)
	p.Event, p.Marker, p.Sequence, p.Timestamp, p.SSRC = event, r.marker, r.sequence, r.timestamp, r.ssrc
	p.Payload = append(p.Payload[:0], r.payload...)
	if event {
		digit = s.in.digits.read(r.ssrc, r.timestamp, p.Payload, time.Now())
		rescale(p.Payload, f.event.Clock, f.codec.Clock)
	}
	return digit, true
}

func (f *formats) isEvent(pt uint8) bool {
	return f.event.Name != "" && (pt == f.event.PayloadType || pt == f.eventOurs)
}

func (f *formats) isSound(pt uint8) bool {
	return pt == f.codec.PayloadType || pt == f.codecOurs
}

// write sends p at once.
func (s *sound) write(p *Packet) error {
	s.out.Lock()
	defer s.out.Unlock()
	if s.out.muted || p.Event && s.out.formats.event.Name == "" || s.out.writer.digit && !p.Event {
		return nil
	}
	if p.Event && s.out.writer.digit {
		return nil // our own digit is on the way
	}
	r := s.out.writer.next(p, s.out.formats.codec.Clock, time.Now())
	r.pt = s.out.formats.codec.PayloadType
	if p.Event {
		r.pt = s.out.formats.event.PayloadType
		if len(r.payload) == 4 && s.out.formats.event.Clock != s.out.formats.codec.Clock {
			r.payload = append([]byte(nil), r.payload...)
			rescale(r.payload, s.out.formats.codec.Clock, s.out.formats.event.Clock)
		}
	}
	return s.send(&r)
}

// send puts r on the wire. s.out must be locked.
func (s *sound) send(r *rtpPacket) error {
	if len(r.payload) > maxDatagram-rtpHeader-16 {
		return nil
	}
	s.out.buf = appendRTP(s.out.buf[:0], r)
	packet := s.out.buf
	if s.out.cipher != nil {
		var err error
		if packet, err = s.out.cipher.encrypt(packet); err != nil {
			return err
		}
	}
	if _, err := s.conn.WriteToUDPAddrPort(packet, *s.remote.Load()); err != nil && isClosed(err) {
		return ErrClosed
	}
	// Any other error is the network's, which loses packets anyhow.
	s.stats.sent(len(r.payload))
	return nil
}

// The shape of a digit that we send: an event packet every digitStep, so many
// before the end, which is told three times (RFC 4733 §2.5.1).
const (
	digitStep  = 20 * time.Millisecond
	digitSteps = 5
)

// sendDigit sends one telephone event; false where the far side takes none. Sound
// is held back meanwhile.
func (s *sound) sendDigit(code uint8, wait func(time.Duration) error) (bool, error) {
	s.out.Lock()
	f, w := &s.out.formats, &s.out.writer
	if f.event.Name == "" {
		s.out.Unlock()
		return false, nil
	}
	w.digit = true
	start := w.timestamp + w.elapsed(f.codec.Clock, time.Now())
	s.out.Unlock()

	var err error
	for i := 1; i <= digitSteps+2 && err == nil; i++ {
		if i <= digitSteps {
			err = wait(digitStep)
		}
		s.out.Lock()
		err = errors.Join(err, s.sendEvent(code, start, i))
		s.out.Unlock()
	}

	s.out.Lock()
	w.digit, w.started = false, false // whoever speaks next goes on from here
	w.timestamp, w.at = start, time.Now().Add(-digitSteps*digitStep)
	s.out.Unlock()
	return true, err
}

// sendEvent sends the i-th packet of a digit. s.out must be locked.
func (s *sound) sendEvent(code uint8, start uint32, i int) error {
	if s.out.muted {
		return nil
	}
	f, w := &s.out.formats, &s.out.writer
	w.sequence++
	n := min(i, digitSteps)
	duration := uint16(time.Duration(n) * digitStep * time.Duration(f.event.Clock) / time.Second)
	flags := byte(10) // volume, in -dBm0
	if i >= digitSteps {
		flags |= 0x80
	}
	return s.send(&rtpPacket{
		marker: i == 1, pt: f.event.PayloadType, sequence: w.sequence, timestamp: start, ssrc: w.ssrc,
		payload: []byte{code, flags, byte(duration >> 8), byte(duration)},
	})
}
