package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// backupRoute takes a backup. Its answer is no JSON, so that it stands beside
// the operations.
const backupRoute = "GET /v1/admin/backup"

// backupRoutes adds what is noted of backups.
func (s *Server) backupRoutes(a huma.API) {
	change(s, a, "verify-backup", http.MethodPost, "/v1/admin/backups",
		func(in *In[Taken]) string { return in.Body.At.UTC().Format(time.RFC3339) }, s.noteBackup)
}

// adminPlain adds what of the administration is no operation: /metrics, and a
// backup.
func (s *Server) adminPlain(mux *http.ServeMux) {
	s.metrics.routes(mux)
	mux.HandleFunc(backupRoute, s.takeBackup)
}

// takeBackup answers a backup of everything. Where it fails on the way the
// connection breaks: half a backup has no manifest.
func (s *Server) takeBackup(w http.ResponseWriter, r *http.Request) {
	out := &patient{w: w, control: http.NewResponseController(w)}
	err := s.audited(r.Context(), "take-backup", "", func(line office.ID) error {
		// So it stands in the backup, which cannot tell how its own taking ended.
		if err := s.cfg.Store.EndAudit(r.Context(), line, "begun"); err != nil {
			return s.refuse(r.Context(), "audit log", err)
		}
		w.Header().Set("Content-Type", "application/gzip")
		if _, err := s.cfg.Store.Backup(r.Context(), out); err != nil {
			return s.refuse(r.Context(), "backup", err)
		}
		return nil
	})
	switch {
	case err == nil:
	case out.begun:
		panic(http.ErrAbortHandler)
	default:
		writeProblem(w, http.StatusInternalServerError, err)
	}
}

// A patient writer gives each write the time that an answer has otherwise as a
// whole.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	p.control.SetWriteDeadline(time.Now().Add(answerTime))
	return p.w.Write(b)
}

func (s *Server) noteBackup(ctx context.Context, in *In[Taken]) (*struct{}, error) {
	if err := s.cfg.Store.NoteBackup(ctx, in.Body.At); err != nil {
		return nil, s.refuse(ctx, "backup", err)
	}
	return nil, nil
}
