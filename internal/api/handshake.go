package api

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
)

// A handshaker is a listener whose connections are handed out with their TLS
// handshakes done, each on a goroutine of its own: http.Server would do it on the
// one that then stays for as long as the connection, with all the stack that
// cryptography once needed. What failed is handed out too: http.Server says why.
type handshaker struct {
	net.Listener
	settings *tls.Config
	log      *slog.Logger
	ready    chan knock
	ctx      context.Context // until it is closed
	end      context.CancelFunc
}

// A knock is what the listener below accepted, or why it did not.
type knock struct {
	conn net.Conn
	err  error
}

// newHandshaker returns a listener for HTTP over TLS with these settings, which
// accepts nothing until run.
func newHandshaker(l net.Listener, settings *tls.Config, log *slog.Logger) *handshaker {
	h := &handshaker{Listener: l, settings: settings, log: log, ready: make(chan knock)}
	h.ctx, h.end = context.WithCancel(context.Background())
	return h
}

// run accepts connections until the listener is closed, and returns when no
// handshake goes on any more.
func (h *handshaker) run() {
	var shaking sync.WaitGroup
	defer shaking.Wait()
	for h.ctx.Err() == nil {
		c, err := h.Listener.Accept()
		if err != nil {
			h.hand(knock{err: err}) // http.Server may wait before it asks again
			continue
		}
		shaking.Go(func() { h.shake(tls.Server(c, h.settings)) })
	}
}

// shake does the handshake within headerTime.
func (h *handshaker) shake(c *tls.Conn) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("handshake panicked", "panic", p)
			c.Close()
		}
	}()
	within, cancel := context.WithTimeout(h.ctx, headerTime)
	defer cancel()
	c.HandshakeContext(within) // an error stays with c
	h.hand(knock{conn: c})
}

// hand waits until somebody takes k.
func (h *handshaker) hand(k knock) {
	select {
	case h.ready <- k:
	case <-h.ctx.Done():
		if k.conn != nil {
			k.conn.Close()
		}
	}
}

// Accept returns the next connection, a *tls.Conn.
func (h *handshaker) Accept() (net.Conn, error) {
	select {
	case k := <-h.ready:
		return k.conn, k.err
	case <-h.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends the handshakes that go on, too.
func (h *handshaker) Close() error {
	h.end()
	return h.Listener.Close()
}
