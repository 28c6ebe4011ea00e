package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// wav returns a WAV file of a tone of so many seconds, 8 kHz mono.
func wav(seconds int) string {
	const rate = 8000
	var b bytes.Buffer
	n := seconds * rate * 2
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+n))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(rate * 2), uint16(2), uint16(16)} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(n))
	for i := range n / 2 {
		binary.Write(&b, binary.LittleEndian, int16(8000*math.Sin(2*math.Pi*440*float64(i)/rate)))
	}
	return b.String()
}

// upload sends a file as a client does that knows the session object only.
func (h *house) upload(t *testing.T, token string, session jmap.Session, file string) answer {
	t.Helper()
	url, err := jmap.Expand(session.UploadURL, map[string]string{"accountId": string(session.PrimaryAccounts[office.Capability])})
	if err != nil {
		t.Fatal(err)
	}
	return h.do("POST", strings.TrimPrefix(url, h.url), token, file, "Content-Type", "")
}

func TestUploadedGreetingIsHeardAndDownloaded(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	file := wav(2)
	up := into[jmap.UploadResponse](t, h.upload(t, s.Token, s.Session, file), http.StatusOK)
	if up.AccountID != me || up.BlobID == "" || up.Type != "audio/wav" || up.Size != int64(len(file)) {
		t.Fatalf("%+v", up)
	}
	set := h.patch(t, s.Token, "VoicemailSettings", me, `{"ringSeconds":30,"greeting":{"kind":"own","blobId":"`+string(up.BlobID)+`"}}`)
	var told struct{ Greeting office.Greeting }
	if err := json.Unmarshal(set.Updated[one], &told); err != nil || told.Greeting.Kind != office.GreetingOwn ||
		told.Greeting.BlobID == "" || told.Greeting.BlobID == office.ID(up.BlobID) {
		t.Fatalf("%+v: want the blob that callers hear", set)
	}
	g, err := h.store.Greeting(context.Background(), office.ID(me), time.Now())
	if err != nil || g.BlobID != told.Greeting.BlobID {
		t.Fatalf("%+v, %v", g, err)
	}
	down := h.do("GET", "/jmap/download/"+string(me)+"/"+string(g.BlobID)+"/greeting.wav", s.Token, nil)
	if down.StatusCode != http.StatusOK || down.Header.Get("Content-Type") != "audio/wav" || !strings.HasPrefix(string(down.body), "RIFF") {
		t.Errorf("%d %v", down.StatusCode, down.Header)
	}

	// Another property, the same sound again, and a holiday with the same words.
	for _, patch := range []string{`{"ringSeconds":20}`, `{"greeting/blobId":"` + string(g.BlobID) + `"}`, `{"greeting/kind":"temporary","greeting/until":"2099-01-01T00:00:00Z"}`} {
		if set := h.patch(t, s.Token, "VoicemailSettings", me, patch); len(set.NotUpdated) > 0 {
			t.Errorf("%s: %+v", patch, set)
		}
		if again, err := h.store.Greeting(context.Background(), office.ID(me), time.Now()); err != nil || again.BlobID != g.BlobID {
			t.Errorf("%s: %+v, %v", patch, again, err)
		}
	}
	if set := h.patch(t, s.Token, "VoicemailSettings", me, `{"greeting/kind":"default"}`); !alike(string(set.Updated[one]), `{"greeting":{"kind":"default"}}`) {
		t.Errorf("%+v", set)
	}
	if set := h.patch(t, s.Token, "VoicemailSettings", me, `{"greeting":{"kind":"own"}}`); len(set.NotUpdated) > 0 {
		t.Errorf("the own one is gone: %+v", set)
	}
}

func TestUploadsThatAreNoGreeting(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	other := h.login("102")
	foreign := into[jmap.UploadResponse](t, h.upload(t, other.Token, other.Session, wav(2)), http.StatusOK)
	blobs := map[string]jmap.ID{"of somebody else": foreign.BlobID, "of nobody": "nothing"}
	for name, file := range map[string]string{
		"a text": "just words", "only a head": wav(2)[:44], "too long": wav(91), "a page": "%PDF-1.7 and so on",
	} {
		blobs[name] = into[jmap.UploadResponse](t, h.upload(t, s.Token, s.Session, file), http.StatusOK).BlobID
	}
	before, state := h.get(t, s.Token, "VoicemailSettings", me)
	for name, blob := range blobs {
		set := h.patch(t, s.Token, "VoicemailSettings", me, `{"ringSeconds":30,"greeting":{"kind":"own","blobId":"`+string(blob)+`"}}`)
		if refused := set.NotUpdated[one]; refused.Type != jmap.InvalidProperties || len(refused.Properties) != 1 || refused.Properties[0] != "greeting" || refused.Description == "" {
			t.Errorf("%s: %+v", name, set)
		}
	}
	if after, now := h.get(t, s.Token, "VoicemailSettings", me); after != before || now != state {
		t.Errorf("%s became %s", before, after)
	}
}

func TestUploadTypesAreWhatTheFilesAre(t *testing.T) {
	h := open(t)
	s := h.login("101")
	for file, want := range map[string]string{
		wav(1):                   "audio/wav",
		"ID3\x04rest":            "audio/mpeg",
		"\xff\xfb\x90\x64rest":   "audio/mpeg",
		"%PDF-1.4":               "application/pdf",
		"II*\x00rest":            "image/tiff",
		"MM\x00*rest":            "image/tiff",
		"RIFFxxxxAVI ":           "application/octet-stream",
		"<script>alert</script>": "application/octet-stream",
		"x":                      "application/octet-stream",
	} {
		if up := into[jmap.UploadResponse](t, h.upload(t, s.Token, s.Session, file), http.StatusOK); up.Type != want || up.Size != int64(len(file)) {
			t.Errorf("%.10q: %+v, want %s", file, up, want)
		}
	}
}

// What a client says a file is, it is told again, and gets it so (RFC 8620 §6);
// what it is in the office, the file says.
func TestUploadTypesAreWhatTheClientSays(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), string(h.account("101"))
	for said, want := range map[string]string{
		"audio/x-wav": "audio/x-wav", "Text/Plain; charset=utf-8": "text/plain", "application/json": "application/json",
		"": "audio/wav", "sound": "audio/wav", "a/b\tc": "audio/wav", "x/" + strings.Repeat("y", 300): "audio/wav",
	} {
		up := into[jmap.UploadResponse](t, h.do("POST", "/jmap/upload/"+me+"/", s.Token, wav(1), "Content-Type", said), http.StatusOK)
		if up.Type != want {
			t.Errorf("%q: %+v, want %s", said, up, want)
		}
		path := "/jmap/download/" + me + "/" + string(up.BlobID) + "/x.wav"
		for query, want := range map[string]string{"": "audio/wav", "?accept=": "audio/wav", "?accept=text/plain": "text/plain", "?accept=nonsense": "audio/wav"} {
			if a := h.do("GET", path+query, s.Token, nil); a.Header.Get("Content-Type") != want {
				t.Errorf("%q then %s: %v, want %s", said, query, a.Header, want)
			}
		}
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	h := open(t)
	s := h.login("101")
	mine, foreign := "/jmap/upload/"+string(h.account("101"))+"/", "/jmap/upload/"+string(h.account("102"))+"/"
	large := strings.Repeat("x", int(jmap.DefaultLimits.MaxSizeUpload)+1)
	for name, tt := range map[string]struct {
		path, token, body string
		status            int
	}{
		"without a session": {mine, "", "x", http.StatusUnauthorized},
		"somebody else's":   {foreign, s.Token, "x", http.StatusNotFound},
		"empty":             {mine, s.Token, "", http.StatusBadRequest},
		"too large":         {mine, s.Token, large, http.StatusRequestEntityTooLarge},
	} {
		if a := h.do("POST", tt.path, tt.token, tt.body); a.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.body, tt.status)
		}
	}
	// An account holds so much that nothing refers to; the oldest makes room.
	me := jmap.ID(h.account("101"))
	greeting := into[jmap.UploadResponse](t, h.upload(t, s.Token, s.Session, wav(60)), http.StatusOK)
	var last jmap.UploadResponse
	for range 6 { // of 20 MB each
		last = into[jmap.UploadResponse](t, h.do("POST", mine, s.Token, large[1:]), http.StatusOK)
	}
	for blob, want := range map[jmap.ID]int{greeting.BlobID: http.StatusNotFound, last.BlobID: http.StatusOK} {
		if a := h.do("HEAD", "/jmap/download/"+string(me)+"/"+string(blob)+"/x", s.Token, nil); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", blob, a.StatusCode, want)
		}
	}
	if n := h.files(); n != 5 {
		t.Errorf("%d files", n)
	}
	if set := h.patch(t, s.Token, "VoicemailSettings", me, `{"greeting":{"kind":"own","blobId":"`+string(greeting.BlobID)+`"}}`); set.NotUpdated[one].Type != jmap.InvalidProperties {
		t.Errorf("a greeting that made room: %+v", set)
	}
}
