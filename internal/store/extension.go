package store

import (
	"context"
	"database/sql"
	"time"

	"timbre/internal/office"
)

const extensionColumns = "number, account, name, email, language, ring_time"

func scanExtension(row interface{ Scan(...any) error }) (e office.Extension, err error) {
	var ring int64
	err = row.Scan(&e.Number, &e.Account, &e.Name, &e.Email, &e.Language, &ring)
	e.RingTime = time.Duration(ring) * time.Millisecond
	return e, err
}

// AddExtension adds an extension with the hash of its password and a new
// account, which it returns. Zero Language and RingTime get their defaults.
// ErrExists: the number is taken.
func (s *Store) AddExtension(ctx context.Context, e office.Extension, passwordHash string) (office.Extension, error) {
	e = e.WithDefaults()
	e.Account = office.NewID()
	now := millis(s.now())
	err := s.write(ctx, func(w *writing) error {
		w.members = true
		if _, err := w.Exec("INSERT INTO account (id, modseq, created_at) VALUES ($1, 0, $2)", e.Account, now); err != nil {
			return err
		}
		r, err := w.Exec(`INSERT INTO extension (number, account, name, email, language, ring_time, password, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (number) DO NOTHING`,
			e.Number, e.Account, e.Name, e.Email, e.Language, e.RingTime.Milliseconds(), passwordHash, now)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return office.ErrExists
		}
		return nil
	})
	return e, err
}

// An ExtensionPatch says what to change; nil fields stay as they are.
type ExtensionPatch struct {
	Name     *string
	Email    *string
	Language *office.Language
	RingTime *time.Duration
}

// SetExtension changes an extension and returns it. ErrNotFound: there is none.
func (s *Store) SetExtension(ctx context.Context, n office.Number, p ExtensionPatch) (office.Extension, error) {
	var e office.Extension
	err := s.write(ctx, func(w *writing) error {
		w.members = true
		var err error
		if e, err = scanExtension(w.QueryRow("SELECT "+extensionColumns+" FROM extension WHERE number = $1", n)); err != nil {
			return found(err)
		}
		assign(&e.Name, p.Name)
		assign(&e.Email, p.Email)
		assign(&e.Language, p.Language)
		assign(&e.RingTime, p.RingTime)
		_, err = w.Exec("UPDATE extension SET name = $1, email = $2, language = $3, ring_time = $4 WHERE number = $5",
			e.Name, e.Email, e.Language, e.RingTime.Milliseconds(), n)
		return err
	})
	return e, err
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// RemoveExtension deletes the login, the devices, the sessions and the bindings
// of an extension now, and what its account keeps after keep (0: now).
// ErrNotFound: there is none.
func (s *Store) RemoveExtension(ctx context.Context, n office.Number, keep time.Duration) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		var account office.ID
		if err := w.QueryRow("DELETE FROM extension WHERE number = $1 RETURNING account", n).Scan(&account); err != nil {
			return found(err)
		}
		w.changed = append(w.changed, account)
		if _, err := w.Exec("DELETE FROM device WHERE account = $1", account); err != nil { // sessions and bindings go with it
			return err
		}
		if keep > 0 {
			_, err := w.Exec("UPDATE account SET purge_at = $1 WHERE id = $2", millis(s.now().Add(keep)), account)
			return err
		}
		return s.purge(w, account)
	})
}

// purge deletes all that an account without extension kept, and the account.
func (s *Store) purge(w *writing, account office.ID) error {
	rows, err := w.Query("SELECT id FROM blob WHERE account = $1", account)
	blobs, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range blobs {
		w.orphans = append(w.orphans, s.blobPath(id))
	}
	rows, err = w.Query("SELECT id FROM voicemail WHERE account = $1 UNION ALL SELECT id FROM recording WHERE account = $1", account)
	masters, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range masters {
		w.orphans = append(w.orphans, s.MasterPath(id))
	}
	for _, table := range []string{"voicemail", "blob", "recording", "call", "tombstone", "feed"} {
		if _, err := w.Exec("DELETE FROM "+table+" WHERE account = $1", account); err != nil {
			return err
		}
	}
	_, err = w.Exec("DELETE FROM account WHERE id = $1", account)
	return err
}

// Extension returns the extension n, or office.ErrNotFound.
func (s *Store) Extension(ctx context.Context, n office.Number) (office.Extension, error) {
	e, err := scanExtension(s.db.QueryRow(ctx, "SELECT "+extensionColumns+" FROM extension WHERE number = $1", n))
	return e, found(err)
}

// ExtensionOf returns the extension that owns account, or office.ErrNotFound.
func (s *Store) ExtensionOf(ctx context.Context, account office.ID) (office.Extension, error) {
	e, err := scanExtension(s.db.QueryRow(ctx, "SELECT "+extensionColumns+" FROM extension WHERE account = $1", account))
	return e, found(err)
}

// Extensions returns all extensions by number.
func (s *Store) Extensions(ctx context.Context) ([]office.Extension, error) {
	rows, err := s.db.Query(ctx, "SELECT "+extensionColumns+" FROM extension ORDER BY number")
	return collect(rows, err, func(r *sql.Rows) (office.Extension, error) { return scanExtension(r) })
}

// PasswordHash returns the hash of n's password, or office.ErrNotFound.
func (s *Store) PasswordHash(ctx context.Context, n office.Number) (string, error) {
	var hash string
	err := s.db.QueryRow(ctx, "SELECT password FROM extension WHERE number = $1", n).Scan(&hash)
	return hash, found(err)
}

// SetPasswordHash replaces the hash of n's password and ends n's sessions, with
// their devices and bindings. ErrNotFound: there is no such extension.
func (s *Store) SetPasswordHash(ctx context.Context, n office.Number, hash string) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		var account office.ID
		if err := w.QueryRow("UPDATE extension SET password = $1 WHERE number = $2 RETURNING account", hash, n).Scan(&account); err != nil {
			return found(err)
		}
		w.changed = append(w.changed, account)
		_, err := w.Exec("DELETE FROM device WHERE account = $1 AND session", account)
		return err
	})
}
