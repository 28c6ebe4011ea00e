package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestDownload(t *testing.T) {
	h := open(t)
	s := h.login("101")
	sound := strings.Repeat("0123456789", 100)
	v := h.leave("101", 1, sound)
	path := "/jmap/download/" + string(h.account("101")) + "/" + string(v.BlobID) + "/message.mp3?accept=audio/mpeg"

	whole := h.do("GET", path, s.Token, nil)
	tag := whole.Header.Get("Etag")
	if whole.StatusCode != http.StatusOK || string(whole.body) != sound || whole.Header.Get("Content-Type") != "audio/mpeg" {
		t.Fatalf("%d %v", whole.StatusCode, whole.Header)
	}
	if !strings.HasPrefix(tag, `"`) || whole.Header.Get("Content-Disposition") != "attachment; filename=message.mp3" {
		t.Errorf("%v", whole.Header)
	}
	tests := []struct {
		name, method string
		header       []string
		status       int
		body         string
	}{
		{"head", "HEAD", nil, 200, ""},
		{"a part", "GET", []string{"Range", "bytes=10-19"}, 206, "0123456789"},
		{"the end", "GET", []string{"Range", "bytes=-5"}, 206, "56789"},
		{"behind the end", "GET", []string{"Range", "bytes=1000-"}, 416, ""},
		{"a part of what is known", "GET", []string{"Range", "bytes=990-", "If-Range", tag}, 206, "0123456789"},
		{"a part of what has changed", "GET", []string{"Range", "bytes=990-", "If-Range", `"other"`}, 200, sound},
		{"known already", "GET", []string{"If-None-Match", tag}, 304, ""},
	}
	for _, tt := range tests {
		a := h.do(tt.method, path, s.Token, nil, tt.header...)
		if a.StatusCode != tt.status || tt.status < 400 && string(a.body) != tt.body {
			t.Errorf("%s: %d %.40q", tt.name, a.StatusCode, a.body)
		}
		if tt.status == 200 && a.ContentLength != int64(len(sound)) {
			t.Errorf("%s: length %d", tt.name, a.ContentLength)
		}
	}
	for _, name := range []string{"voz%20%C3%B1%2F1.mp3", "voz%20%C3%B1/1.mp3"} { // clients differ in what they escape
		a := h.do("GET", strings.Replace(path, "message.mp3", name, 1), s.Token, nil)
		if got := a.Header.Get("Content-Disposition"); a.StatusCode != http.StatusOK || got != "attachment; filename*=utf-8''voz%20%C3%B1%2F1.mp3" {
			t.Errorf("%s: %d %s", name, a.StatusCode, got)
		}
	}
	// A browser that is sent here by somebody else runs nothing.
	if a := h.do("GET", strings.Replace(path, "audio/mpeg", "text/html", 1), s.Token, nil); a.Header.Get("Content-Security-Policy") != "sandbox" ||
		a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("a page: %v", a.Header)
	}
}

func TestForeignBlobsAreNotFound(t *testing.T) {
	h := open(t)
	s := h.login("101")
	me, other := string(h.account("101")), string(h.account("102"))
	mine, foreign := h.leave("101", 1, "mine"), h.leave("102", 2, "foreign")
	for name, path := range map[string]string{
		"in the other's account":    other + "/" + string(foreign.BlobID),
		"under my account":          me + "/" + string(foreign.BlobID),
		"mine under the other's":    other + "/" + string(mine.BlobID),
		"unknown":                   me + "/nothing",
		"a path out of the folder":  me + "/..%2F..%2Ftimbre.db",
		"a path with a NUL":         me + "/%00",
		"a name that is not a blob": me + "/" + string(mine.ID) + "x",
	} {
		if a := h.do("GET", "/jmap/download/"+path+"/x.mp3", s.Token, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := h.do("GET", "/jmap/download/"+me+"/"+string(mine.BlobID)+"/x.mp3", "", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", a.StatusCode)
	}
}
