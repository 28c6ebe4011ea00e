package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// uploadTime is how long a client may take to send a file.
const uploadTime = 5 * time.Minute

// upload keeps what a client sends for a day, unless something refers to it by
// then (RFC 8620 §6.1). What the client says it is, it is told again; what it is
// here, its first bytes say.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, v *visit) {
	if office.ID(r.PathValue("accountId")) != v.Account {
		writeProblem(w, http.StatusNotFound, newProblem(http.StatusNotFound, "there is no such account"))
		return
	}
	limits := jmap.DefaultLimits
	if !s.uploading.enter(string(v.Account), limits.MaxConcurrentUpload, maxConnections) {
		writeProblem(w, http.StatusBadRequest, jmap.TooLarge("maxConcurrentUpload"))
		return
	}
	defer s.uploading.leave(string(v.Account))
	control := http.NewResponseController(w)
	control.SetWriteDeadline(time.Now().Add(uploadTime + answerTime))
	control.SetReadDeadline(time.Now().Add(uploadTime))

	in := &reading{r: r.Body}
	head := make([]byte, 12)      // enough for every type that we know
	n, _ := io.ReadFull(in, head) // a short file is no error; in knows of others
	if n == 0 || in.err != nil {
		writeProblem(w, http.StatusBadRequest, newProblem(http.StatusBadRequest, "the file is empty or did not come whole"))
		return
	}
	content := io.MultiReader(bytes.NewReader(head[:n]), in)
	blob, err := s.cfg.Store.AddUpload(r.Context(), v.Account, typeOf(head[:n]), content, limits.MaxSizeUpload)
	switch {
	case errors.Is(err, office.ErrLimit):
		p := jmap.TooLarge("maxSizeUpload")
		p.Status = http.StatusRequestEntityTooLarge
		writeProblem(w, p.Status, p)
	case in.err != nil:
		writeProblem(w, http.StatusBadRequest, newProblem(http.StatusBadRequest, "the file did not come whole"))
	case err != nil:
		p := s.refuse(r.Context(), "upload", err)
		writeProblem(w, p.Status, p)
	default:
		w.Header().Set("Content-Type", jmap.RequestType)
		kind := mediaType(r.Header.Get("Content-Type"))
		if kind == "" {
			kind = blob.Type
		}
		json.NewEncoder(w).Encode(jmap.UploadResponse{AccountID: jmap.ID(v.Account), BlobID: jmap.ID(blob.ID), Type: kind, Size: blob.Size})
	}
}

// reading is a request body that remembers what broke it.
type reading struct {
	r   io.Reader
	err error // nil: nothing
}

func (b *reading) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// maxMediaType bounds a media type, in bytes (RFC 6838 §4.2).
const maxMediaType = 255

// mediaType returns text without parameters, or "" where it is no media type.
func mediaType(text string) string {
	kind, _, err := mime.ParseMediaType(text)
	if _, sub, ok := strings.Cut(kind, "/"); err != nil || !ok || sub == "" || len(kind) > maxMediaType {
		return ""
	}
	return kind
}

// typeOf returns the media type of a file by its first bytes: those of sounds
// and pages that an office can use, application/octet-stream for all others.
func typeOf(head []byte) string {
	return cmp.Or(office.SoundType(head), office.FaxType(head), "application/octet-stream")
}
