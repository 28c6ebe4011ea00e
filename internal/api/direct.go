package api

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// direct is an http.RoundTripper that hands requests to a handler in the same
// process. The answer is read while it is written, however long it is.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	in, out := io.Pipe()
	w := &answer{header: http.Header{}, status: http.StatusOK, out: out, begun: make(chan struct{})}
	done := make(chan struct{})
	go func() { // Close of the answer's body waits for it
		defer close(done)
		defer w.end()
		d.h.ServeHTTP(w, r)
	}()
	<-w.begun
	return &http.Response{StatusCode: w.status, Header: w.header, Body: &body{in, done}, Request: r}, nil
}

// An answer is passed on as it is written.
type answer struct {
	header http.Header
	status int
	out    *io.PipeWriter
	once   sync.Once
	begun  chan struct{} // closed when header and status stand
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	w.once.Do(func() {
		w.status = status
		close(w.begun)
	})
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.out.Write(b)
}

// end ends the answer, and cuts one whose handler panicked.
func (w *answer) end() {
	if recover() != nil {
		w.WriteHeader(http.StatusInternalServerError) // does nothing where it has begun
		w.out.CloseWithError(errors.New("the answer was cut"))
		return
	}
	w.WriteHeader(http.StatusOK)
	w.out.Close()
}

// A body is what the client reads of an answer. Close returns when the handler
// has ended.
type body struct {
	*io.PipeReader
	done <-chan struct{}
}

func (b *body) Close() error {
	b.PipeReader.Close()
	<-b.done
	return nil
}
