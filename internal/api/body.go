package api

import (
	"io"
	"net/http"
	"time"
)

// Limits of the body of a request.
const (
	bodyTime   = 30 * time.Second // to come whole, but for files
	lingerTime = 5 * time.Second  // for the rest that is not wanted, after the answer
)

// An awaited body is that of a request, with the deadline by which it must have come. That
// is lifted when all has come: it would end a long answer.
type awaited struct {
	io.ReadCloser
	control *http.ResponseController
	whole   bool
}

// bounded returns r with a body that must come within bodyTime; where there is
// none, r itself and nil.
func bounded(w http.ResponseWriter, r *http.Request) (*http.Request, *awaited) {
	if r.ContentLength == 0 {
		return r, nil
	}
	b := &awaited{ReadCloser: r.Body, control: http.NewResponseController(w)}
	b.control.SetReadDeadline(time.Now().Add(bodyTime))
	copied := *r
	copied.Body = b // of a copy: the server looks at its own
	return &copied, b
}

func (b *awaited) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.whole {
		b.whole = true
		b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// leave gives up what has not come when the answer begins: net/http would wait for
// it first. An HTTP/1 connection ends then; a stream of HTTP/2 ends by itself.
func (b *awaited) leave(header http.Header, protoMajor int) {
	if b == nil || b.whole || protoMajor != 1 {
		return
	}
	header.Set("Connection", "close")
	b.control.SetReadDeadline(time.Now().Add(lingerTime))
}
