package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"timbre/internal/office"
)

// A Recording is a message while it is being left. Its master is the file at
// Store.MasterPath(ID); its voicemail gets the same ID.
type Recording struct {
	ID        office.ID
	Account   office.ID
	Call      office.ID // the call in the account's log, "" if none
	From      office.Party
	StartedAt time.Time
}

// BeginRecording notes that r is being recorded. The caller makes the ID and
// then writes the master. ErrNotFound: the account is gone.
func (s *Store) BeginRecording(ctx context.Context, r Recording) error {
	return s.write(ctx, func(w *writing) error {
		err := affected(w.Exec(`INSERT INTO recording (id, account, call, number, name, started_at)
			SELECT $1, a.id, $2, $3, $4, $5 FROM account a WHERE a.id = $6`,
			r.ID, r.Call, r.From.Number, r.From.Name, millis(r.StartedAt), r.Account))
		if err != nil {
			return fmt.Errorf("beginning recording: %w", err)
		}
		return nil
	})
}

// DropRecording forgets a recording that became no message and removes its
// master. To drop what is not there is no error.
func (s *Store) DropRecording(ctx context.Context, id office.ID) error {
	return s.write(ctx, func(w *writing) error {
		if err := affected(w.Exec("DELETE FROM recording WHERE id = $1", id)); err != nil {
			if errors.Is(err, office.ErrNotFound) {
				return nil
			}
			return err
		}
		w.orphans = []string{s.MasterPath(id)}
		return nil
	})
}

// Recordings returns those begun and neither added nor dropped: at start, the
// messages that a stop of the server cut.
func (s *Store) Recordings(ctx context.Context) ([]Recording, error) {
	rows, err := s.db.Query(ctx, "SELECT id, account, call, number, name, started_at FROM recording ORDER BY started_at, id")
	return collect(rows, err, func(r *sql.Rows) (rec Recording, err error) {
		var started int64
		err = r.Scan(&rec.ID, &rec.Account, &rec.Call, &rec.From.Number, &rec.From.Name, &started)
		rec.StartedAt = at(started)
		return rec, err
	})
}

// MasterPath returns where the master (WAV) of recording or voicemail id is.
func (s *Store) MasterPath(id office.ID) string {
	return filepath.Join(s.dir, "recordings", string(id)+".wav")
}
