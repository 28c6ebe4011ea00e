package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"mime"
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
	sum := sha256.Sum256([]byte(sound))
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":" // of the whole, whatever part comes
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
		if got := a.Header.Get("Repr-Digest"); (tt.status == 200 || tt.status == 206) && got != digest {
			t.Errorf("%s: digest %q, want %s", tt.name, got, digest)
		}
		if tt.status < 400 && a.Header.Get("Etag") != tag || tt.status >= 400 && strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", tt.name, a.Header)
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

// A name cannot lead out of the folder into which it is saved, nor out of its header.
func TestNamesOfDownloads(t *testing.T) {
	h := open(t)
	s := h.login("101")
	v := h.leave("101", 1, "sound")
	path := "/jmap/download/" + string(h.account("101")) + "/" + string(v.BlobID) + "/"
	for name, want := range map[string]string{
		"message.mp3":                     "message.mp3",
		"2026%2F1.mp3":                    "2026/1.mp3",
		"a%22b%3B%20filename%3Devil.exe":  `a"b; filename=evil.exe`,
		"a%0D%0ASet-Cookie%3A%20x.mp3":    " x.mp3",
		"..%2F..%2Fetc%2Fpasswd":          "passwd",
		"%2Fetc%2Fpasswd":                 "passwd",
		"..%5C..%5Cautoexec.bat":          "autoexec.bat",
		"C%3Aevil.exe":                    "evil.exe",
		"%2e%2e/%2e%2e/x":                 "x",
		"%2E%2E%2F%2E%2E":                 "download",
		"%00":                             "download",
		"%FF%FE":                          "download",
		"%E2%80%AEgpj.exe":                "gpj.exe",
		strings.Repeat("x", 4000) + "%0A": strings.Repeat("x", 4000),
	} {
		a := h.do("GET", path+name, s.Token, nil)
		kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
		if a.StatusCode != http.StatusOK || err != nil || kind != "attachment" || len(params) != 1 || params["filename"] != want || len(a.Header["Set-Cookie"]) > 0 {
			t.Errorf("%.60s: %d %.80q %v, want %.60q", name, a.StatusCode, params, err, want)
		}
	}
	for _, name := range []string{"..", "../x", "../../" + string(h.account("102")) + "/x"} { // the client's or ours, it leads elsewhere
		if a := h.do("GET", path+name, s.Token, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
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
