package ua

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/sipguard"
)

// datagrams is the UDP socket as the SIP stack sees it: only messages that pass
// the guard come out of it; the others are answered here, or vanish. The stack parses
// where it reads, in a goroutine that survives a panic: so nothing is tried before,
// as it is on streams, unless there was a panic once. What the stack does not take is
// answered when it comes back for more.
type datagrams struct {
	net.PacketConn
	log     *slog.Logger
	passed  []byte      // what the stack was given last; nil: nothing. Only ReadFrom touches it
	from    net.Addr    // whence passed came
	taken   atomic.Bool // the stack has parsed passed
	wary    atomic.Bool // the stack's parser has panicked
	once    sync.Once
	reading chan struct{} // closed at the first read: the stack knows the socket
	deaf    atomic.Bool   // nothing is passed on any more
	most    int           // sources of one shift
	failing sync.Once
	failed  chan struct{} // closed when the socket can no longer be read
}

func newDatagrams(c net.PacketConn, log *slog.Logger) *datagrams {
	return &datagrams{PacketConn: c, log: log, reading: make(chan struct{}), failed: make(chan struct{}), most: maxSources}
}

// ReadFrom returns the next good message. Errors but the socket's end are passed
// over: one bad packet must not close the door.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	d.once.Do(func() { close(d.reading) })
	if d.passed != nil && !d.taken.Load() {
		d.refuse(d.passed, d.from, badRequest)
	}
	d.passed = nil
	for errs := 0; ; {
		n, addr, err := d.PacketConn.ReadFrom(b)
		if err != nil {
			if errs++; errors.Is(err, net.ErrClosed) || errs > 100 {
				d.failing.Do(func() { close(d.failed) })
				return 0, nil, net.ErrClosed
			}
			continue
		}
		errs = 0
		msg := b[:n]
		if len(bytes.Trim(msg, "\r\n\x00")) == 0 {
			continue // keep-alive
		}
		if d.deaf.Load() {
			continue
		}
		if f := d.judge(msg); f != (sipguard.Fault{}) {
			d.refuse(msg, addr, f)
			continue
		}
		d.passed, d.from = msg, addr
		d.taken.Store(false)
		return n, addr, nil
	}
}

// judge asks the guard, and tries the parser where it is not to be trusted.
func (d *datagrams) judge(msg []byte) sipguard.Fault {
	if d.wary.Load() {
		return guarded(msg, false)
	}
	return sipguard.Check(msg, false)
}

// refuse answers a message that nobody will see.
func (d *datagrams) refuse(msg []byte, addr net.Addr, f sipguard.Fault) {
	if out := sipguard.Refusal(msg, f); out != nil {
		d.log.Debug("message refused", "source", addr, "status", f.Status, "reason", f.Reason)
		d.WriteTo(out, addr) // an unreliable answer to an unreliable peer
	}
}

// take notes that the stack has parsed a message.
func (d *datagrams) take(msg sip.Message) {
	if msg.Transport() == "UDP" {
		d.taken.Store(true)
	}
}

// Close does nothing: the stack closes what it no longer needs, but the socket is
// the endpoint's.
func (d *datagrams) Close() error { return nil }

// A udpShift is the socket for one stretch of time. The stack remembers every
// source that it hears as long as it reads from a socket, so that anyone who
// makes up sources could fill the memory: after maxSources of them the shift is
// over, and the stack reads from the next.
type udpShift struct {
	*datagrams
	dead    <-chan struct{}
	sources map[netip.AddrPort]struct{} // only ReadFrom touches it
	over    chan struct{}               // closed when the next shift must begin
}

const maxSources = 1 << 15

func (d *datagrams) shift(dead <-chan struct{}) *udpShift {
	return &udpShift{datagrams: d, dead: dead, sources: map[netip.AddrPort]struct{}{}, over: make(chan struct{})}
}

// ReadFrom returns the next good message, until the shift is over.
func (s *udpShift) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(s.sources) >= s.most {
		close(s.over)
		select {
		case <-time.After(time.Second): // what was read last must still find its source
		case <-s.dead:
		}
		return 0, nil, net.ErrClosed
	}
	n, addr, err := s.datagrams.ReadFrom(b)
	if err == nil {
		s.sources[remote(addr)] = struct{}{}
	}
	return n, addr, err
}
