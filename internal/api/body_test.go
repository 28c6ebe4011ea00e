package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A corridor is a listener of connections that stay in memory.
type corridor struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p corridor) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p corridor) Close() error   { close(p.closed); return nil }
func (p corridor) Addr() net.Addr { return &net.UnixAddr{} }

func (p corridor) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

// bodies serves, behind the guard, one who reads no body, one who reads it, and
// one who reads it and then takes long.
func bodies(t *testing.T) corridor {
	t.Helper()
	s := &Server{log: slog.New(slog.DiscardHandler)}
	s.metrics = newMetrics(s)
	mux := http.NewServeMux()
	mux.HandleFunc("/stranger", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/reader", func(w http.ResponseWriter, r *http.Request) {
		body, problem := readBody(w, r, 1<<10)
		if problem != nil {
			w.WriteHeader(problem.Status)
			return
		}
		if len(body) == 10 { // long to answer
			time.Sleep(bodyTime + 10*time.Second)
		}
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	srv := s.server(s.guard(mux))
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	p := corridor{make(chan net.Conn), make(chan struct{})}
	ended := make(chan struct{})
	go func() { defer close(ended); srv.Serve(p) }()
	t.Cleanup(func() { srv.Close(); <-ended })
	return p
}

// Somebody who promises a body and does not send it holds a connection for a
// while, not for ever, and has the answer at once where nobody wants the body.
func TestABodyThatDoesNotCome(t *testing.T) {
	for _, c := range []struct {
		path, head, body string
		status           int
		answered, ended  time.Duration // after which time; ended zero: the connection stays
	}{
		{"/stranger", "Content-Length: 1000", "", 401, 0, lingerTime},
		{"/stranger", "Content-Length: 1000000", "{", 401, 0, lingerTime},
		{"/stranger", "Transfer-Encoding: chunked", "", 401, 0, lingerTime},
		{"/silent", "Content-Length: 1000", "", 200, 0, lingerTime},
		{"/reader", "Content-Length: 1000", "{", 400, bodyTime, bodyTime + lingerTime},
		{"/reader", "Transfer-Encoding: chunked", "1\r\n{\r\n", 400, bodyTime, bodyTime + lingerTime},
		{"/reader", "Content-Length: 9", "{\"a\":\"b\"}", 200, 0, 0},
		{"/reader", "Content-Length: 10", "{\"a\":\"bc\"}", 200, bodyTime + 10*time.Second, 0}, // what comes whole may be worked on for long
		{"/reader", "X: y", "", 200, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn, _ := bodies(t).dial(t.Context(), "", "")
			defer conn.Close()
			began := time.Now()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", c.path, c.head)
			go io.WriteString(conn, c.body) // which nobody may read
			conn.SetReadDeadline(began.Add(10 * time.Minute))
			in := bufio.NewReader(conn)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != c.status || time.Since(began) != c.answered || res.Close != (c.ended > 0) {
				t.Fatalf("%s %s: %+v, %v after %s", c.path, c.head, res, err, time.Since(began))
			}
			if _, err := in.ReadByte(); c.ended > 0 && (err != io.EOF || time.Since(began) > c.ended+time.Second) {
				t.Errorf("%s %s: %v after %s", c.path, c.head, err, time.Since(began))
			}
		})
	}
}

// On HTTP/2 the request ends, and the connection stays for others.
func TestABodyThatDoesNotComeOnHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		dials := 0
		p := bodies(t)
		transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return p.dial(ctx, network, address)
		}}
		defer transport.CloseIdleConnections()
		for _, c := range []struct {
			path, body string
			whole      bool
			status     int
			answered   time.Duration
		}{
			{"/stranger", "", false, 401, 0},
			{"/silent", "{", false, 200, 0},
			{"/reader", "{", false, 400, bodyTime},
			{"/reader", "{\"a\":\"b\"}", true, 200, 0},
			{"/reader", "{\"a\":\"bc\"}", true, 200, bodyTime + 10*time.Second},
		} {
			began := time.Now()
			body, more := io.Pipe()
			go func() {
				io.WriteString(more, c.body)
				if c.whole {
					more.Close()
				}
			}()
			req, err := http.NewRequestWithContext(t.Context(), "POST", "http://x"+c.path, body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatalf("%s %s: %v", c.path, c.body, err)
			}
			res.Body.Close()
			more.Close()
			if res.ProtoMajor != 2 || res.StatusCode != c.status || time.Since(began) != c.answered {
				t.Errorf("%s %s: %s %s after %s", c.path, c.body, res.Proto, res.Status, time.Since(began))
			}
		}
		if dials != 1 {
			t.Errorf("%d connections", dials)
		}
	})
}
