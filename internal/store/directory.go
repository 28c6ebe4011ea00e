package store

import (
	"context"
	"database/sql"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// directory is the account that owns the directory's lines. Its changes are
// those of every account.
const directory office.ID = "directory"

// feedOf returns the account in whose feed account follows rows of type t.
func feedOf(account office.ID, t Type) office.ID {
	if t == TypeExtension {
		return directory
	}
	return account
}

const entryQuery = "SELECT n.id, e.number, e.name FROM entry n JOIN extension e ON e.account = n.owner "

func scanEntry(r *sql.Rows) (e office.Entry, err error) {
	err = r.Scan(&e.ID, &e.Number, &e.Name)
	return e, err
}

// Entries returns those of the directory's lines ids that there are, all if ids
// is nil, by number.
func (s *Store) Entries(ctx context.Context, ids []office.ID) ([]office.Entry, error) {
	query := entryQuery
	if ids != nil {
		if ids = valid(ids); len(ids) == 0 {
			return nil, nil
		}
		query += "WHERE n.id IN (" + sqldb.Placeholders(1, len(ids)) + ") "
	}
	rows, err := s.db.Query(ctx, query+"ORDER BY e.number", sqldb.Args(ids)...)
	return collect(rows, err, scanEntry)
}

// enter writes the line of account's extension into the directory, or notes
// that it changed.
func (w *writing) enter(account office.ID) error {
	seq, err := w.next(directory, TypeExtension)
	if err != nil {
		return err
	}
	_, err = w.Exec(`INSERT INTO entry (id, account, owner, created_seq, modseq) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (owner) DO UPDATE SET modseq = excluded.modseq`, office.NewID(), directory, account, seq)
	return err
}

// leave takes the line of account's extension out of the directory.
func (w *writing) leave(account office.ID, now int64) error {
	var id office.ID
	var created int64
	if err := w.QueryRow("DELETE FROM entry WHERE owner = $1 RETURNING id, created_seq", account).Scan(&id, &created); err != nil {
		return err
	}
	seq, err := w.next(directory, TypeExtension)
	if err != nil {
		return err
	}
	return w.bury(directory, TypeExtension, id, created, seq, now)
}

// fillDirectory enters the extensions of an office that had no directory yet.
func (s *Store) fillDirectory(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		rows, err := w.Query("SELECT account FROM extension WHERE account NOT IN (SELECT owner FROM entry) ORDER BY number")
		missing, err := collect(rows, err, scanID)
		if err != nil {
			return err
		}
		for _, account := range missing {
			if err := w.enter(account); err != nil {
				return err
			}
		}
		return nil
	})
}
