package store

import (
	"context"
	"database/sql"
	"time"

	"timbre/internal/office"
)

// A Session is one login of an extension on one computer.
type Session struct {
	ID        office.ID
	Account   office.ID
	Extension office.Number
	Device    office.Device
	Address   string // the IP address that logged in
	Rotation  int    // how often its SIP secret was replaced
	CreatedAt time.Time
	LastUsed  time.Time
	ExpiresAt time.Time
}

// A NewSession is what the caller knows of a login. The token comes hashed, the
// SIP secret as H(A1).
type NewSession struct {
	Device    office.Device // Extension, Name and Username; the rest is given by the store
	Secret    Secret
	Token     string
	Address   string
	Password  string // hash of the password that was given; "" where none was asked for
	ExpiresAt time.Time
}

const sessionColumns = deviceColumns + ", e.account, s.id, s.address, s.rotation, s.created_at, s.last_used, s.expires_at"

const sessionTables = " FROM session s JOIN device d ON d.id = s.device JOIN extension e ON e.account = d.account "

func scanSession(row scanner) (n Session, err error) {
	var created, used, expires int64
	n.Device, err = scanDevice(row, &n.Account, &n.ID, &n.Address, &n.Rotation, &created, &used, &expires)
	n.Extension = n.Device.Extension
	n.CreatedAt, n.LastUsed, n.ExpiresAt = at(created), at(used), at(expires)
	return n, err
}

// AddSession starts a session and makes its device, in one commit. ErrNotFound:
// no such extension, it is disabled, or it has another password by now.
func (s *Store) AddSession(ctx context.Context, n NewSession) (Session, error) {
	n.Device.ID, n.Device.CreatedAt, n.Device.Session = office.NewID(), s.now(), true
	id, now := office.NewID(), millis(s.now())
	var out Session
	err := s.write(ctx, func(w *writing) error {
		account, err := w.accountOf(n.Device.Extension)
		if err != nil {
			return err
		}
		if _, err := w.hold(account, TypeProfile); err != nil { // nobody shuts the door meanwhile
			return err
		}
		var open bool
		if err := w.QueryRow("SELECT NOT disabled AND ($1 = '' OR password = $1) FROM extension WHERE account = $2", n.Password, account).Scan(&open); err != nil {
			return found(err)
		}
		if !open {
			return office.ErrNotFound
		}
		if err := w.addDevice(n.Device, n.Secret); err != nil {
			return err
		}
		_, err = w.Exec(`INSERT INTO session (id, device, token, address, rotation, created_at, last_used, expires_at)
			VALUES ($1, $2, $3, $4, 0, $5, $5, $6)`, id, n.Device.ID, n.Token, n.Address, now, millis(n.ExpiresAt))
		if err != nil {
			return err
		}
		out, err = scanSession(w.QueryRow("SELECT "+sessionColumns+sessionTables+"WHERE s.id = $1", id))
		return err
	})
	return out, err
}

// SessionByToken returns the session whose token has this hash, also an expired
// one, or office.ErrNotFound, also while its extension is disabled.
func (s *Store) SessionByToken(ctx context.Context, hash string) (Session, error) {
	n, err := scanSession(s.db.QueryRow(ctx, "SELECT "+sessionColumns+sessionTables+"WHERE s.token = $1 AND NOT e.disabled", hash))
	return n, found(err)
}

// Sessions returns the sessions of account that have not expired, last used
// first.
func (s *Store) Sessions(ctx context.Context, account office.ID) ([]Session, error) {
	rows, err := s.db.Query(ctx, "SELECT "+sessionColumns+sessionTables+`WHERE d.account = $1 AND s.expires_at > $2
		ORDER BY s.last_used DESC, s.id`, account, millis(s.now()))
	return collect(rows, err, func(r *sql.Rows) (Session, error) { return scanSession(r) })
}

// UseSession notes that a session was used now and when it will expire.
func (s *Store) UseSession(ctx context.Context, id office.ID, expires time.Time) error {
	return s.write(ctx, func(w *writing) error {
		return affected(w.Exec("UPDATE session SET last_used = $1, expires_at = $2 WHERE id = $3",
			millis(s.now()), millis(expires), id))
	})
}

// RotateSession replaces the SIP secret of a session's device; rotation is the
// number of the new one. ErrNotFound: the session is gone, or another rotation
// came first.
func (s *Store) RotateSession(ctx context.Context, id office.ID, rotation int, secret Secret) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		var device office.ID
		err := w.QueryRow("UPDATE session SET rotation = $1 WHERE id = $2 AND rotation = $1 - 1 RETURNING device", rotation, id).Scan(&device)
		if err != nil {
			return found(err)
		}
		if _, err := w.Exec("UPDATE device SET ha1_md5 = $1, ha1_sha256 = $2 WHERE id = $3", secret.MD5, secret.SHA256, device); err != nil {
			return err
		}
		_, err = w.Exec("DELETE FROM binding WHERE device = $1", device)
		return err
	})
}

// RemoveSession ends session id of account, with its device, secret and
// bindings. ErrNotFound: the account has none such.
func (s *Store) RemoveSession(ctx context.Context, account, id office.ID) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		w.changed = append(w.changed, account)
		return affected(w.Exec("DELETE FROM device WHERE account = $1 AND id IN (SELECT device FROM session WHERE id = $2)", account, id))
	})
}

// expireSessions removes the sessions whose time is over.
func (s *Store) expireSessions(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		rows, err := w.Query(`DELETE FROM device WHERE id IN (SELECT device FROM session WHERE expires_at <= $1) RETURNING account`, millis(s.now()))
		w.changed, err = collect(rows, err, func(r *sql.Rows) (id office.ID, err error) { return id, r.Scan(&id) })
		w.members = len(w.changed) > 0
		return err
	})
}
