package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"timbre/internal/office"
)

// VoicemailSettings returns those of account. A temporary greeting whose time
// is over is not shown. ErrNotFound: no extension has it.
func (s *Store) VoicemailSettings(ctx context.Context, account office.ID) (office.VoicemailSettings, error) {
	var v office.VoicemailSettings
	var ring int64
	err := s.db.QueryRow(ctx, `SELECT s.voicemail, e.ring_time, s.attach_audio, s.pin <> '' FROM settings s
		JOIN extension e ON e.account = s.account WHERE s.account = $1`, account).
		Scan(&v.IsEnabled, &ring, &v.AttachAudio, &v.HasPin)
	if err != nil {
		return v, found(err)
	}
	v.RingSeconds = int(time.Duration(ring) * time.Millisecond / time.Second)
	v.Greeting, err = s.Greeting(ctx, account, s.now())
	return v, err
}

// SetVoicemailSettings replaces those of account, but for HasPin, which is of
// SetPINHash. A greeting's BlobID is an upload of the account; without one the
// sound that it has of that kind is taken. The ring time is the extension's.
// ErrNotFound: no extension has the account; ErrStateMismatch: it is in another
// state than ifInState, if that is not empty; ErrGreeting: there is no such
// sound. Then nothing was done.
func (s *Store) SetVoicemailSettings(ctx context.Context, account office.ID, v office.VoicemailSettings, ifInState State) (SetResult, error) {
	return s.setSettings(ctx, account, TypeVoicemailSettings, ifInState, func(w *writing) error {
		w.members = true
		ring := (time.Duration(v.RingSeconds) * time.Second).Milliseconds()
		if err := affected(w.Exec("UPDATE extension SET ring_time = $1 WHERE account = $2", ring, account)); err != nil {
			return err
		}
		_, err := w.Exec("UPDATE settings SET voicemail = $1, attach_audio = $2 WHERE account = $3", v.IsEnabled, v.AttachAudio, account)
		if err != nil {
			return err
		}
		return w.setGreeting(account, v.Greeting)
	})
}

// ForwardingSettings returns those of account. ErrNotFound: no extension has it.
func (s *Store) ForwardingSettings(ctx context.Context, account office.ID) (office.ForwardingSettings, error) {
	return scanForwarding(s.db.QueryRow(ctx, "SELECT "+forwardingColumns+" FROM settings WHERE account = $1", account))
}

const forwardingColumns = "forwarding, forward_when, forward_number, ring_local, require_key"

// scanForwarding reads forwardingColumns and then more.
func scanForwarding(row scanner, more ...any) (office.ForwardingSettings, error) {
	f := office.ForwardingSettings{When: office.WhenSet{}}
	var when string
	err := row.Scan(append([]any{&f.IsEnabled, &when, &f.Number, &f.RingLocal, &f.RequireKey}, more...)...)
	for c := range strings.SplitSeq(when, ",") {
		if c != "" {
			f.When[office.ForwardWhen(c)] = true
		}
	}
	return f, found(err)
}

// SetForwardingSettings replaces those of account. ErrNotFound: no extension
// has it; ErrStateMismatch: as SetVoicemailSettings.
func (s *Store) SetForwardingSettings(ctx context.Context, account office.ID, f office.ForwardingSettings, ifInState State) (SetResult, error) {
	var when []string
	for _, c := range f.When.List() {
		when = append(when, string(c))
	}
	return s.setSettings(ctx, account, TypeForwardingSettings, ifInState, func(w *writing) error {
		w.reachable = true
		return affected(w.Exec(`UPDATE settings SET forwarding = $1, forward_when = $2, forward_number = $3, ring_local = $4, require_key = $5
			WHERE account = $6`, f.IsEnabled, strings.Join(when, ","), f.Number, f.RingLocal, f.RequireKey, account))
	})
}

// CallerIDSettings returns those of account. A number that is the extension's
// no more is not shown: the company's goes out. ErrNotFound: no extension has
// the account.
func (s *Store) CallerIDSettings(ctx context.Context, account office.ID) (office.CallerIDSettings, error) {
	var c office.CallerIDSettings
	if err := s.db.QueryRow(ctx, "SELECT caller_id FROM settings WHERE account = $1", account).Scan(&c.Number); err != nil {
		return c, found(err)
	}
	rows, err := s.db.Query(ctx, callerIDChoices, account)
	if c.Choices, err = collect(rows, err, scanNumber); err != nil {
		return c, err
	}
	if !slices.Contains(c.Choices, c.Number) {
		c.Number = ""
	}
	return c, nil
}

// callerIDChoices are the company's main number and then the lines of the
// extension of account $1.
const callerIDChoices = `SELECT number FROM (SELECT number, 0 AS place FROM company
	UNION SELECT l.number, 1 AS place FROM line l JOIN line_extension x ON x.line = l.number JOIN extension e ON e.number = x.extension
		WHERE e.account = $1 AND l.number NOT IN (SELECT number FROM company)) AS choices ORDER BY place, number`

func scanNumber(r *sql.Rows) (n office.Number, err error) {
	err = r.Scan(&n)
	return n, err
}

// SetCallerID chooses the number that goes out with the calls of account's
// extension; empty: the company's. ErrNotFound: no extension has the account;
// ErrNumber: it is not among its choices; ErrStateMismatch: as
// SetVoicemailSettings.
func (s *Store) SetCallerID(ctx context.Context, account office.ID, n office.Number, ifInState State) (SetResult, error) {
	return s.setSettings(ctx, account, TypeCallerIDSettings, ifInState, func(w *writing) error {
		if n != "" {
			rows, err := w.Query(callerIDChoices, account)
			choices, err := collect(rows, err, scanNumber)
			if err != nil {
				return err
			}
			if !slices.Contains(choices, n) {
				return office.ErrNumber
			}
		}
		return affected(w.Exec("UPDATE settings SET caller_id = $1 WHERE account = $2", n, account))
	})
}

// Profile returns that of account. ErrNotFound: no extension has it.
func (s *Store) Profile(ctx context.Context, account office.ID) (office.Profile, error) {
	var p office.Profile
	err := s.db.QueryRow(ctx, `SELECT name, number, coalesce((SELECT number FROM company), ''), email, language FROM extension WHERE account = $1`, account).
		Scan(&p.Name, &p.Extension, &p.CompanyNumber, &p.Email, &p.Language)
	return p, found(err)
}

// SetProfile sets the e-mail address and the language of account's extension. A
// new address is announced to the old one. ErrNotFound: no extension has it;
// ErrStateMismatch: as SetVoicemailSettings.
func (s *Store) SetProfile(ctx context.Context, account office.ID, email string, language office.Language, ifInState State) (SetResult, error) {
	return s.setSettings(ctx, account, TypeProfile, ifInState, func(w *writing) error {
		w.members = true
		e, err := w.extensionOf(account)
		if err != nil {
			return err
		}
		if _, err := w.Exec("UPDATE extension SET email = $1, language = $2 WHERE account = $3", email, language, account); err != nil {
			return err
		}
		return s.announceEmail(w, e, email, true)
	})
}

// Availability returns that of account. ErrNotFound: no extension has it.
func (s *Store) Availability(ctx context.Context, account office.ID) (office.Availability, error) {
	var until sql.NullInt64
	err := s.db.QueryRow(ctx, "SELECT dnd_until FROM settings WHERE account = $1", account).Scan(&until)
	return office.Availability{DNDUntil: maybe(until)}, found(err)
}

// SetAvailability replaces that of account. ErrNotFound: no extension has it;
// ErrStateMismatch: as SetVoicemailSettings.
func (s *Store) SetAvailability(ctx context.Context, account office.ID, a office.Availability, ifInState State) (SetResult, error) {
	return s.setSettings(ctx, account, TypeAvailability, ifInState, func(w *writing) error {
		w.reachable, w.available = true, true
		return affected(w.Exec("UPDATE settings SET dnd_until = $1 WHERE account = $2", nullable(a.DNDUntil), account))
	})
}

// setSettings runs set in the commit that moves the state of account's
// singleton of type t.
func (s *Store) setSettings(ctx context.Context, account office.ID, t Type, ifInState State, set func(*writing) error) (SetResult, error) {
	var res SetResult
	err := s.write(ctx, func(w *writing) error {
		old, err := w.hold(account, t)
		if err != nil {
			return err
		}
		if ifInState != "" && ifInState != s.state(old) {
			return ErrStateMismatch
		}
		if err := set(w); err != nil {
			return err
		}
		seq, err := w.next(account, t)
		res = SetResult{OldState: s.state(old), NewState: s.state(seq), Updated: []office.ID{office.Singleton}}
		return err
	})
	return res, err
}

// hold keeps everybody else from changing account until the commit and returns
// the last change of its rows of type t. Who holds several takes the directory's
// first and then the others in order, so that no two wait for each other (if they
// do, the database ends one of them, and it is run again). ErrNotFound: no such
// account.
func (w *writing) hold(account office.ID, t Type) (seq int64, err error) {
	if _, err := w.Exec("UPDATE account SET modseq = modseq WHERE id = $1", account); err != nil {
		return 0, found(err)
	}
	seq, _, err = position(w.row, account, t)
	return seq, err
}

// PINHash returns the hash of account's PIN, empty where it has none.
// ErrNotFound: no extension has the account, or it is disabled.
func (s *Store) PINHash(ctx context.Context, account office.ID) (string, error) {
	var hash string
	err := s.db.QueryRow(ctx, "SELECT s.pin FROM settings s JOIN extension e ON e.account = s.account WHERE s.account = $1 AND NOT e.disabled", account).Scan(&hash)
	return hash, found(err)
}

// PINs returns the accounts of extensions, also of disabled ones, that have a
// PIN.
func (s *Store) PINs(ctx context.Context) (map[office.ID]bool, error) {
	return s.accounts(ctx, "SELECT account FROM settings WHERE pin <> ''")
}

// Resting returns the accounts of extensions that do not want to be disturbed
// at now.
func (s *Store) Resting(ctx context.Context, now time.Time) (map[office.ID]bool, error) {
	return s.accounts(ctx, "SELECT account FROM settings WHERE dnd_until > $1", millis(now))
}

// accounts returns those that a query finds.
func (s *Store) accounts(ctx context.Context, query string, args ...any) (map[office.ID]bool, error) {
	rows, err := s.db.Query(ctx, query, args...)
	all, err := collect(rows, err, scanID)
	out := make(map[office.ID]bool, len(all))
	for _, id := range all {
		out[id] = true
	}
	return out, err
}

// Reachability returns how account's extension wants to be reached: what
// ForwardingSettings and Availability return, of one moment. ErrNotFound: no
// extension has it. The caller must not change what is in them.
func (s *Store) Reachability(ctx context.Context, account office.ID) (office.ForwardingSettings, office.Availability, error) {
	count := s.regard.Load()
	if r, ok := s.reaches.get(account, count); ok {
		return r.forwarding, r.availability, nil
	}
	var until sql.NullInt64
	f, err := scanForwarding(s.db.QueryRow(ctx, "SELECT "+forwardingColumns+", dnd_until FROM settings WHERE account = $1", account), &until)
	a := office.Availability{DNDUntil: maybe(until)}
	if err == nil {
		s.reaches.put(account, reach{f, a}, count)
	}
	return f, a, err
}

// A reach is what Reachability returns.
type reach struct {
	forwarding   office.ForwardingSettings
	availability office.Availability
}

// SetPINHash replaces the hash of account's PIN; empty: it has none.
// ErrNotFound: no extension has the account.
func (s *Store) SetPINHash(ctx context.Context, account office.ID, hash string) error {
	_, err := s.setSettings(ctx, account, TypeVoicemailSettings, "", func(w *writing) error {
		return affected(w.Exec("UPDATE settings SET pin = $1 WHERE account = $2", hash, account))
	})
	return err
}

// nullable returns t as a column that may be null.
func nullable(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: millis(*t), Valid: true}
}

// maybe returns the time in a column that may be null.
func maybe(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := at(ms.Int64)
	return &t
}
