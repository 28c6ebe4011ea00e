package api

import (
	"mime"
	"net/http"
	"time"

	"timbre/internal/office"
)

// downloadRate is the slowest that a download may be, in bytes per second.
const downloadRate = 4 << 10

// download answers a blob of the session's account (RFC 8620 §6.2), whole or in
// part. A blob of somebody else is not found, like one that does not exist.
func (s *Server) download(w http.ResponseWriter, r *http.Request, v visit) {
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
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "sandbox") // a page that somebody left must not run as ours
	h.Set("Etag", `"`+string(blob.ID)+`"`)      // strong: the content of a blob never changes
	h.Set("Cache-Control", "private, immutable, max-age=31536000")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": r.PathValue("name")}))
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime + time.Duration(blob.Size/downloadRate)*time.Second))
	http.ServeContent(w, r, "", blob.CreatedAt, file)
}
