package store

import (
	"context"
	"database/sql"
	"time"

	"timbre/internal/office"
)

// An Audit is one thing that an administrator did, or tried to.
type Audit struct {
	ID     office.ID
	At     time.Time
	Who    string // "command line", or "token" and its name
	What   string // the operation, such as "add-extension"
	About  string // what it was done to, in words without secrets
	Result string // "ok", the code of the refusal, or "" where the server was stopped meanwhile
}

// auditAge is how long the audit log is kept.
const auditAge = 2 * 366 * 24 * time.Hour

// BeginAudit writes a line before its operation is begun, so that nothing is
// done without one. Its ID and its time are given by the store.
func (s *Store) BeginAudit(ctx context.Context, a Audit) (office.ID, error) {
	id := office.NewID()
	return id, s.write(ctx, func(w *writing) error {
		_, err := w.Exec("INSERT INTO audit (id, at, who, what, about, result) VALUES ($1, $2, $3, $4, $5, '')",
			id, millis(s.now()), a.Who, a.What, a.About)
		return err
	})
}

// EndAudit notes how the operation ended. ErrNotFound: its line is not there.
func (s *Store) EndAudit(ctx context.Context, id office.ID, result string) error {
	return s.write(ctx, func(w *writing) error {
		return affected(w.Exec("UPDATE audit SET result = $1 WHERE id = $2", result, id))
	})
}

// Audits returns the lines since a time, newest first, at most limit (0:
// MaxPage).
func (s *Store) Audits(ctx context.Context, since time.Time, limit int) ([]Audit, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	from := int64(0)
	if !since.IsZero() {
		from = millis(since)
	}
	rows, err := s.db.Query(ctx, `SELECT id, at, who, what, about, result FROM audit
		WHERE at >= $1 ORDER BY at DESC, id DESC LIMIT $2`, from, limit)
	return collect(rows, err, func(r *sql.Rows) (a Audit, err error) {
		var t int64
		err = r.Scan(&a.ID, &t, &a.Who, &a.What, &a.About, &a.Result)
		a.At = at(t)
		return a, err
	})
}

// dropAudits removes the lines that are older than auditAge.
func (s *Store) dropAudits(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM audit WHERE at < $1", millis(s.now().Add(-auditAge)))
		return err
	})
}
