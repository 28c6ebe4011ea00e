package ua

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
)

// datagrams is the UDP socket as the SIP stack sees it: only messages that pass
// the guard come out of it; the others are answered here, or vanish.
type datagrams struct {
	net.PacketConn
	log     *slog.Logger
	once    sync.Once
	reading chan struct{} // closed at the first read: the stack knows the socket
	deaf    atomic.Bool   // nothing is passed on any more
	failing sync.Once
	failed  chan struct{} // closed when the socket can no longer be read
}

func newDatagrams(c net.PacketConn, log *slog.Logger) *datagrams {
	return &datagrams{PacketConn: c, log: log, reading: make(chan struct{}), failed: make(chan struct{})}
}

// ReadFrom returns the next good message. Errors but the socket's end are passed
// over: one bad packet must not close the door.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	d.once.Do(func() { close(d.reading) })
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
		f := guarded(msg, false)
		if f == (fault{}) {
			return n, addr, nil
		}
		if out := refusal(msg, f); out != nil {
			d.log.Debug("message refused", "source", addr, "status", f.status, "reason", f.reason)
			d.WriteTo(out, addr) // an unreliable answer to an unreliable peer
		}
	}
}

// Close does nothing: the stack closes what it no longer needs, but the socket is
// the endpoint's.
func (d *datagrams) Close() error { return nil }
