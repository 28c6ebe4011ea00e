package engine_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A fault is what the proxy in front of the office does to a request.
type fault int

// The faults.
const (
	none       fault = iota
	lost             // the request does not arrive
	unanswered       // it is done, but nobody hears of it
	cut              // the answer ends in the middle
	doubled          // it arrives twice, and the second answer is heard
	delayed          // it arrives after others, and nobody hears of it
	torn             // the connection to the office breaks while it works on it
	over             // the answer is empty
	broken           // the answer is that the server cannot
)

// proxy passes requests on to the office and does to them what decide says.
func (h *house) proxy() http.Handler {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	h.t.Cleanup(transport.CloseIdleConnections)
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "https", Host: *h.inner.Load()})
			r.Out.Host = r.In.Host
		},
		Transport: transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
	h.direct = pass
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.seen = append(h.seen, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
		what := none
		if h.decide != nil {
			what = h.decide(r)
		}
		h.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/eventsource") {
			select {
			case h.streamed <- struct{}{}:
			default:
			}
		}
		switch what {
		case lost:
			panic(http.ErrAbortHandler)
		case over:
		case broken:
			w.WriteHeader(http.StatusInternalServerError)
		case unanswered:
			h.pass(r)
			panic(http.ErrAbortHandler)
		case doubled:
			h.pass(r)
			pass.ServeHTTP(w, r)
		case delayed:
			h.mu.Lock()
			h.late = append(h.late, copyOf(r))
			h.mu.Unlock()
			panic(http.ErrAbortHandler)
		case torn:
			ctx, cancel := context.WithTimeout(r.Context(), rand.N(3*time.Millisecond))
			defer cancel()
			pass.ServeHTTP(&deaf{header: http.Header{}}, r.WithContext(ctx))
			panic(http.ErrAbortHandler)
		case cut:
			pass.ServeHTTP(&half{ResponseWriter: w}, r)
		default:
			pass.ServeHTTP(w, r)
		}
	})
}

// pass lets r arrive once and forgets the answer. r can be used again.
func (h *house) pass(r *http.Request) {
	defer func() { recover() }() // the office may be away
	h.direct.ServeHTTP(&deaf{header: http.Header{}}, copyOf(r))
}

// arrive lets a delayed request arrive, the one of so many that pick chooses, and
// reports whether there was one.
func (h *house) arrive(pick func(n int) int) bool {
	h.mu.Lock()
	if len(h.late) == 0 {
		h.mu.Unlock()
		return false
	}
	i := pick(len(h.late))
	r := h.late[i]
	h.late = slices.Delete(h.late, i, i+1)
	h.mu.Unlock()
	h.pass(r)
	return true
}

// copyOf returns a copy of r with a body of its own, and lets r be read again. It
// outlives the connection on which r came.
func copyOf(r *http.Request) *http.Request {
	body, _ := io.ReadAll(r.Body) // what did not come will not be right
	r.Body = io.NopCloser(bytes.NewReader(body))
	c := r.Clone(context.WithoutCancel(r.Context()))
	c.Body = io.NopCloser(bytes.NewReader(body))
	return c
}

// deaf throws an answer away.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) Write(p []byte) (int, error) { return len(p), nil }
func (d *deaf) WriteHeader(int)             {}

// halfSize is how much of an answer comes before it is cut: more than a chunk of
// the cache.
const halfSize = 70_000

// half passes halfSize octets of an answer and then cuts the connection.
type half struct {
	http.ResponseWriter
	n int
}

func (c *half) Write(p []byte) (int, error) {
	p = p[:min(len(p), halfSize-c.n)]
	n, err := c.ResponseWriter.Write(p)
	http.NewResponseController(c.ResponseWriter).Flush()
	if c.n += n; c.n == halfSize {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// faulty makes decide judge all requests from now on; nil lets them pass.
func (h *house) faulty(decide func(*http.Request) fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.decide = decide
}

// always returns a decide function for requests whose path holds part.
func always(part string, f fault) func(*http.Request) fault {
	return func(r *http.Request) fault {
		if strings.Contains(r.URL.Path, part) {
			return f
		}
		return none
	}
}
