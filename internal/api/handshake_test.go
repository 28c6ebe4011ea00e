package api_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial opens a connection that says nothing yet.
func (h *house) dial() net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "https://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestHandshakesDoNotWaitForEachOther(t *testing.T) {
	h := open(t)
	silent := h.dial()
	h.dial()
	if a := h.do("GET", "/healthz", "", nil); a.StatusCode != http.StatusOK || a.ProtoMajor != 2 {
		t.Errorf("beside those who say nothing: %d, %s", a.StatusCode, a.Proto)
	}
	if n, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("who says nothing is not left: %d, %v", n, err)
	}
}

func TestWhoDoesNotSpeakTLSIsToldSo(t *testing.T) {
	h := open(t)
	plain := h.dial()
	if _, err := io.WriteString(plain, "GET / HTTP/1.1\r\nHost: office.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(plain); err != nil || !strings.Contains(string(answer), "HTTPS") {
		t.Errorf("%q, %v", answer, err)
	}
}
