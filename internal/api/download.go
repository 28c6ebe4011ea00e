package api

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"timbre/internal/office"
)

// downloadRate is the slowest that a download may be, in bytes per second.
const downloadRate = 4 << 10

// download answers a blob of the session's account (RFC 8620 §6.2), whole or in
// part. A blob of somebody else is not found, like one that does not exist.
func (s *Server) download(w http.ResponseWriter, r *http.Request, v *visit) {
	if office.ID(r.PathValue("accountId")) != v.Account {
		writeProblem(w, http.StatusNotFound, newProblem(http.StatusNotFound, "there is no such blob"))
		return
	}
	file, blob, err := s.cfg.Store.OpenBlob(r.Context(), v.Account, office.ID(r.PathValue("blobId")))
	if err != nil {
		p := s.refuse(r.Context(), "blob", err)
		writeProblem(w, p.Status, p)
		return
	}
	defer file.Close()
	kind := mediaType(r.URL.Query().Get("accept")) // the client says what it is to it
	if kind == "" {
		kind = blob.Type
	}
	sum := ""
	if r.Header.Get("If-None-Match") == "" { // else it is mostly known already
		if sum, err = digest(file); err != nil {
			p := s.refuse(r.Context(), "blob", err)
			writeProblem(w, p.Status, p)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "sandbox") // a page that somebody left must not run as ours
	h.Set("Etag", `"`+string(blob.ID)+`"`)      // strong: the content of a blob never changes
	h.Set("Cache-Control", "private, immutable, max-age=31536000")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(r.PathValue("name"))}))
	if sum != "" {
		h.Set("Repr-Digest", sum)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime + time.Duration(blob.Size/downloadRate)*time.Second))
	http.ServeContent(w, r, "", blob.CreatedAt, file)
}

// digest returns the Repr-Digest of a file (RFC 9530 §3), which is read from its
// beginning again afterwards.
func digest(file io.ReadSeeker) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum.Sum(nil)) + ":", nil
}

// fileName returns the name that the client asked for (RFC 8620 §6.2). One that
// would lead whoever saves it out of a folder loses its way, and one that is none at
// all is another.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `\:`) {
		name = name[strings.LastIndexAny(name, `/\:`)+1:]
	}
	if strings.Trim(name, ". ") == "" {
		return "download"
	}
	return name
}
