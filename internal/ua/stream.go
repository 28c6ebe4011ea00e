package ua

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"timbre/internal/sipguard"
)

// Time limits of a TCP or TLS connection.
const (
	handshakeTime = 10 * time.Second
	strangerTime  = 30 * time.Second // from opening until the peer has proved itself
	frameTime     = 15 * time.Second // from the first byte of a message to its last
	idleTime      = 70 * time.Minute // longer than a registration that sends no keep-alive lasts
	writeTime     = 10 * time.Second
)

// A stream is one TCP or TLS connection as the SIP stack sees it: every Read
// returns exactly one whole message that passed the guard. Keep-alives
// (RFC 5626 §3.5.1) and bad messages are answered here.
type stream struct {
	net.Conn
	log     *slog.Logger
	onClose func()
	opened  time.Time

	once    sync.Once
	reading chan struct{} // closed at the first read: the stack knows the connection
	closing sync.Once
	closed  chan struct{}
	pongs   chan struct{} // capacity 1: a CRLF came that answers our keep-alive

	// What only Read touches:
	in     []byte    // received and not yet given out
	begun  time.Time // when the first byte of in came
	looked int       // so many bytes of in hold no end of a header
	total  int       // length of the message at the front of in; 0: not known yet

	mu     sync.Mutex
	proven bool // we called it, or one of its requests was authenticated or of a call; guarded by mu
}

func newStream(c net.Conn, log *slog.Logger, onClose func()) *stream {
	return &stream{
		Conn: c, log: log, onClose: onClose, opened: time.Now(),
		reading: make(chan struct{}), closed: make(chan struct{}), pongs: make(chan struct{}, 1),
	}
}

// Read returns one message. b must hold sipguard.MaxMessage bytes.
func (s *stream) Read(b []byte) (int, error) {
	s.once.Do(func() { close(s.reading) })
	for {
		frame, err := s.next()
		if err != nil {
			s.Close()
			return 0, err
		}
		if frame > 0 {
			n := copy(b, s.in[:frame])
			s.take(frame)
			return n, nil
		}
		if err := s.fill(); err != nil {
			s.Close()
			return 0, err
		}
	}
}

// fill reads more bytes behind in.
func (s *stream) fill() error {
	if err := s.await(); err != nil {
		return err
	}
	if cap(s.in)-len(s.in) < 1024 {
		grown := make([]byte, len(s.in), 2*cap(s.in)+2048)
		copy(grown, s.in)
		s.in = grown
	}
	n, err := s.Conn.Read(s.in[len(s.in):cap(s.in)])
	if n > 0 && len(s.in) == 0 {
		s.begun = time.Now()
	}
	s.in = s.in[:len(s.in)+n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// await sets how long the next bytes may take.
func (s *stream) await() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	deadline := time.Now().Add(idleTime)
	if len(s.in) > 0 {
		deadline = s.begun.Add(frameTime)
	}
	if last := s.opened.Add(strangerTime); !s.proven && deadline.After(last) {
		deadline = last
	}
	return s.SetReadDeadline(deadline)
}

// prove notes that the peer is no stranger: the connection may stay. A Read that
// waits already gets the longer time too.
func (s *stream) prove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proven {
		s.proven = true
		s.SetReadDeadline(time.Now().Add(idleTime)) // fails where it is closed
	}
}

// take removes n bytes, a message or keep-alives, from the front of in.
func (s *stream) take(n int) {
	s.in = s.in[:copy(s.in, s.in[n:])]
	s.begun, s.looked, s.total = time.Now(), 0, 0
}

var errFraming = errors.New("stream has lost its message boundaries")

// next returns the length of the good message at the front of in, 0 where it is
// not complete. Keep-alives and bad messages before it are dealt with; an error
// means that the connection must be closed.
func (s *stream) next() (int, error) {
	for {
		s.keepAlives()
		if s.total == 0 {
			if err := s.measure(); err != nil {
				return 0, err
			}
		}
		if s.total == 0 || s.total > len(s.in) {
			return 0, nil
		}
		f := guarded(s.in[:s.total], true)
		if f == (sipguard.Fault{}) {
			return s.total, nil
		}
		s.refuse(s.in[:s.total], f)
		if f.Status == 0 && !sipguard.IsStatusLine(s.in) {
			return 0, errFraming // no SIP at all
		}
		s.take(s.total)
	}
}

// measure finds the total of the message at the front of in, where its header is
// whole. It looks at every byte once, in however small pieces they come.
func (s *stream) measure() error {
	end := bytes.Index(s.in[s.looked:], []byte("\r\n\r\n"))
	if end < 0 {
		if len(s.in) > sipguard.MaxHeader {
			s.refuse(s.in, sipguard.Fault{Status: 513, Reason: "Message Too Large"})
			return errFraming
		}
		s.looked = max(0, len(s.in)-3) // the end may be torn
		return nil
	}
	header := s.in[:s.looked+end+4]
	length, f := sipguard.ContentLength(header)
	if f == (sipguard.Fault{}) && len(header)+length > sipguard.MaxMessage {
		f = sipguard.Fault{Status: 513, Reason: "Message Too Large"}
	}
	if f != (sipguard.Fault{}) {
		s.refuse(header, f)
		return errFraming
	}
	s.total = len(header) + length
	return nil
}

// keepAlives removes the CRLFs before a message. Two are a ping, which is
// answered with one; one is the answer to our own.
func (s *stream) keepAlives() {
	n := 0
	for len(s.in) >= n+2 && s.in[n] == '\r' && s.in[n+1] == '\n' {
		n += 2
	}
	if n == 0 {
		return
	}
	s.take(n)
	if n >= 4 {
		s.Write([]byte("\r\n")) // a failed write closes the connection
		return
	}
	select {
	case s.pongs <- struct{}{}:
	default:
	}
}

func (s *stream) refuse(msg []byte, f sipguard.Fault) {
	if out := sipguard.Refusal(msg, f); out != nil {
		s.log.Debug("message refused", "source", s.RemoteAddr(), "status", f.Status, "reason", f.Reason)
		s.Write(out)
	}
}

// Write sends b whole, within a time limit; a connection that cannot is closed.
func (s *stream) Write(b []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(b)
	if err != nil {
		s.Close()
	}
	return n, err
}

// Close closes the connection and tells the endpoint, once.
func (s *stream) Close() error {
	var err error
	s.closing.Do(func() {
		s.onClose() // first: who sees closed must not find the stream any more
		err = s.Conn.Close()
		close(s.closed)
	})
	return err
}
