package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// An answer is read while it is written; one that was cut is not taken for whole.
func TestDirectAnswers(t *testing.T) {
	for what, tt := range map[string]struct {
		handler http.HandlerFunc
		status  int
		body    string
		cut     bool
	}{
		"nothing":  {func(http.ResponseWriter, *http.Request) {}, 200, "", false},
		"no body":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, "", false},
		"two bits": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a"); io.WriteString(w, "b") }, 200, "ab", false},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "a")
			panic(http.ErrAbortHandler)
		}, 200, "a", true},
		"panics": {func(http.ResponseWriter, *http.Request) { panic("bug") }, 500, "", true},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://admin/", strings.NewReader("in"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := direct{tt.handler}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if res.StatusCode != tt.status || string(b) != tt.body || (err != nil) != tt.cut {
			t.Errorf("%s: %d %q, %v", what, res.StatusCode, b, err)
		}
		res.Body.Close()
	}
	// Who stops reading ends the handler.
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://admin/", nil)
	res, err := direct{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(w, "more")
		}
	})}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close() // returns
}
