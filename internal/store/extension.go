package store

import (
	"context"
	"database/sql"
	"time"

	"timbre/internal/office"
)

const extensionColumns = "number, account, name, email, language, ring_time, classes, max_calls, minutes, call_limit, disabled"

func scanExtension(row scanner) (e office.Extension, err error) {
	var ring int64
	err = row.Scan(&e.Number, &e.Account, &e.Name, &e.Email, &e.Language, &ring,
		&e.Rights.Classes, &e.Rights.MaxCalls, &e.Rights.Minutes, &e.CallLimit, &e.Disabled)
	e.RingTime = time.Duration(ring) * time.Millisecond
	return e, err
}

// AddExtension adds an extension with the hash of its password and a new
// account, which it returns. Fields that are zero get their defaults.
// ErrExists: the number is taken.
func (s *Store) AddExtension(ctx context.Context, e office.Extension, passwordHash string) (office.Extension, error) {
	e = e.WithDefaults()
	e.Account = office.NewID()
	now := millis(s.now())
	err := s.write(ctx, func(w *writing) error {
		w.members = true
		if _, err := w.hold(directory, TypeExtension); err != nil { // first, as everywhere: no two wait for each other
			return err
		}
		if _, err := w.Exec("INSERT INTO account (id, modseq, created_at) VALUES ($1, 0, $2)", e.Account, now); err != nil {
			return err
		}
		r, err := w.Exec(`INSERT INTO extension (number, account, name, email, language, ring_time, classes, max_calls, minutes,
				call_limit, disabled, password, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (number) DO NOTHING`,
			e.Number, e.Account, e.Name, e.Email, e.Language, e.RingTime.Milliseconds(), e.Rights.Classes, e.Rights.MaxCalls, e.Rights.Minutes,
			e.CallLimit, e.Disabled, passwordHash, now)
		if err := fresh(r, err); err != nil {
			return err
		}
		if _, err := w.Exec("INSERT INTO settings (account) VALUES ($1)", e.Account); err != nil {
			return err
		}
		return w.enter(e.Account)
	})
	return e, err
}

// An ExtensionPatch says what to change; nil fields stay as they are.
type ExtensionPatch struct {
	Name      *string
	Email     *string
	Language  *office.Language
	RingTime  *time.Duration
	Classes   *office.Classes
	MaxCalls  *int
	Minutes   *int
	CallLimit *int
	Disabled  *bool
}

// SetExtension changes an extension and returns it; its user's clients are told,
// and those of all of a new name. A new e-mail address is announced to the old
// one. ErrNotFound: there is none.
func (s *Store) SetExtension(ctx context.Context, n office.Number, p ExtensionPatch) (office.Extension, error) {
	var e office.Extension
	err := s.write(ctx, func(w *writing) error {
		w.members = true
		account, err := w.holdExtension(n)
		if err != nil {
			return err
		}
		if e, err = w.extensionOf(account); err != nil {
			return err
		}
		was := e
		assign(&e.Name, p.Name)
		assign(&e.Email, p.Email)
		assign(&e.Language, p.Language)
		assign(&e.RingTime, p.RingTime)
		assign(&e.Rights.Classes, p.Classes)
		assign(&e.Rights.MaxCalls, p.MaxCalls)
		assign(&e.Rights.Minutes, p.Minutes)
		assign(&e.CallLimit, p.CallLimit)
		assign(&e.Disabled, p.Disabled)
		_, err = w.Exec(`UPDATE extension SET name = $1, email = $2, language = $3, ring_time = $4, classes = $5, max_calls = $6, minutes = $7,
			call_limit = $8, disabled = $9 WHERE number = $10`, e.Name, e.Email, e.Language, e.RingTime.Milliseconds(),
			e.Rights.Classes, e.Rights.MaxCalls, e.Rights.Minutes, e.CallLimit, e.Disabled, n)
		if err != nil {
			return err
		}
		if e.Disabled { // its devices stay, and cannot register: see DeviceSecret
			if _, err := w.Exec("DELETE FROM device WHERE account = $1 AND session", e.Account); err != nil {
				return err
			}
			if _, err := w.Exec("DELETE FROM invitation WHERE account = $1", e.Account); err != nil {
				return err
			}
			w.changed = append(w.changed, e.Account)
		}
		if err := w.tell(was, e); err != nil {
			return err
		}
		return s.announceEmail(w, was, e.Email, false)
	})
	return e, err
}

// tell moves the states of what clients see of an extension that was and is now.
func (w *writing) tell(was, is office.Extension) error {
	if was.Name != is.Name {
		if err := w.enter(is.Account); err != nil {
			return err
		}
	}
	if was.Name != is.Name || was.Email != is.Email || was.Language != is.Language {
		if err := w.touch(TypeProfile, is.Account); err != nil {
			return err
		}
	}
	if was.RingTime != is.RingTime {
		return w.touch(TypeVoicemailSettings, is.Account)
	}
	if was.Disabled != is.Disabled {
		w.changed = append(w.changed, is.Account) // its sessions are over, or go on
	}
	return nil
}

// holdExtension keeps everybody else from changing the directory and the account
// of extension n, which it returns. ErrNotFound: there is none.
func (w *writing) holdExtension(n office.Number) (account office.ID, err error) {
	if _, err := w.hold(directory, TypeExtension); err != nil { // first, as everywhere
		return "", err
	}
	if account, err = w.accountOf(n); err != nil {
		return "", err
	}
	_, err = w.hold(account, TypeProfile)
	return account, err
}

// accountOf returns the account of extension n, or office.ErrNotFound.
func (w *writing) accountOf(n office.Number) (account office.ID, err error) {
	err = w.QueryRow("SELECT account FROM extension WHERE number = $1", n).Scan(&account)
	return account, found(err)
}

// extensionOf returns the extension that owns account, or office.ErrNotFound.
func (w *writing) extensionOf(account office.ID) (office.Extension, error) {
	e, err := scanExtension(w.QueryRow("SELECT "+extensionColumns+" FROM extension WHERE account = $1", account))
	return e, found(err)
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// RemoveExtension deletes the login, the devices, the sessions, the bindings and
// the settings of an extension now, cancels the faxes that wait to be sent, and
// deletes what its account keeps after keep (0: now). ErrNotFound: there is none.
func (s *Store) RemoveExtension(ctx context.Context, n office.Number, keep time.Duration) error {
	var account office.ID
	err := s.write(ctx, func(w *writing) error {
		w.members, w.configured = true, true
		var err error
		if account, err = w.holdExtension(n); err != nil {
			return err
		}
		if err := affected(w.Exec("DELETE FROM extension WHERE account = $1", account)); err != nil { // its lines ring it no more
			return err
		}
		w.changed = append(w.changed, account)
		if err := w.leave(account, millis(s.now())); err != nil {
			return err
		}
		for _, table := range []string{"device", "greeting", "settings", "invitation"} { // sessions and bindings go with the devices
			if _, err := w.Exec("DELETE FROM "+table+" WHERE account = $1", account); err != nil {
				return err
			}
		}
		if err := w.cancelFaxes(account, s.now()); err != nil {
			return err
		}
		_, err = w.Exec("UPDATE account SET purge_at = $1 WHERE id = $2", millis(s.now().Add(keep)), account)
		return err
	})
	if err != nil || keep > 0 {
		return err
	}
	if err := s.purge(context.WithoutCancel(ctx), account); err != nil {
		s.log.Error("what a removed extension left stays until the next housekeeping", "account", account, "err", err)
	}
	return nil
}

// Extension returns the extension n, or office.ErrNotFound.
func (s *Store) Extension(ctx context.Context, n office.Number) (office.Extension, error) {
	count := s.generation.Load()
	if e, ok := s.extensions.get(n, count); ok {
		return e, nil
	}
	e, err := scanExtension(s.db.QueryRow(ctx, "SELECT "+extensionColumns+" FROM extension WHERE number = $1", n))
	if err == nil {
		s.extensions.put(n, e, count)
	}
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

// PasswordHash returns the hash of n's password, or office.ErrNotFound, also
// where n is disabled.
func (s *Store) PasswordHash(ctx context.Context, n office.Number) (string, error) {
	var hash string
	err := s.db.QueryRow(ctx, "SELECT password FROM extension WHERE number = $1 AND NOT disabled", n).Scan(&hash)
	return hash, found(err)
}

// SetPasswordHash replaces the hash of n's password and ends n's sessions but
// keep, with their devices and bindings; keep may be empty. ErrNotFound: there is
// no such extension.
func (s *Store) SetPasswordHash(ctx context.Context, n office.Number, hash string, keep office.ID) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		account, err := w.accountOf(n)
		if err != nil {
			return err
		}
		if _, err := w.hold(account, TypeProfile); err != nil { // nobody logs in with the old one meanwhile
			return err
		}
		if err := affected(w.Exec("UPDATE extension SET password = $1 WHERE account = $2", hash, account)); err != nil {
			return err
		}
		w.changed = append(w.changed, account)
		if _, err := w.Exec("DELETE FROM invitation WHERE account = $1", account); err != nil { // it would set another one
			return err
		}
		_, err = w.Exec(`DELETE FROM device WHERE account = $1 AND session
			AND NOT EXISTS (SELECT 1 FROM session s WHERE s.device = device.id AND s.id = $2)`, account, keep)
		return err
	})
}
