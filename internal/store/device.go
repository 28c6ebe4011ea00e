package store

import (
	"context"
	"database/sql"

	"timbre/internal/office"
)

// A Secret is what the server knows of a device's SIP secret: H(A1) of RFC 7616
// §3.4.2 in lower-case hexadecimal, for both algorithms.
type Secret struct{ MD5, SHA256 string }

const deviceColumns = "d.id, e.number, d.name, d.username, d.session, d.created_at, d.last_used"

// scanDevice reads deviceColumns and then more.
func scanDevice(row scanner, more ...any) (d office.Device, err error) {
	var created, used int64
	err = row.Scan(append([]any{&d.ID, &d.Extension, &d.Name, &d.Username, &d.Session, &created, &used}, more...)...)
	d.CreatedAt, d.LastUsed = at(created), at(used)
	return d, err
}

// AddDevice adds a device to d.Extension. Its ID and CreatedAt are given by the
// store, Username and the secret by the caller. ErrNotFound: no such extension.
func (s *Store) AddDevice(ctx context.Context, d office.Device, secret Secret) (office.Device, error) {
	d.ID, d.CreatedAt = office.NewID(), s.now()
	err := s.write(ctx, func(w *writing) error { return w.addDevice(d, secret) })
	d.CreatedAt = at(millis(d.CreatedAt))
	return d, err
}

func (w *writing) addDevice(d office.Device, secret Secret) error {
	w.members = true
	account, err := w.accountOf(d.Extension)
	if err != nil {
		return err
	}
	w.changed = append(w.changed, account)
	_, err = w.Exec(`INSERT INTO device (id, account, name, username, ha1_md5, ha1_sha256, session, created_at, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		d.ID, account, d.Name, d.Username, secret.MD5, secret.SHA256, d.Session, millis(d.CreatedAt))
	return err
}

// Devices returns the devices of extension n, of all extensions if n is empty,
// oldest first.
func (s *Store) Devices(ctx context.Context, n office.Number) ([]office.Device, error) {
	rows, err := s.db.Query(ctx, "SELECT "+deviceColumns+` FROM device d JOIN extension e ON e.account = d.account
		WHERE $1 = '' OR e.number = $1 ORDER BY d.created_at, d.id`, n)
	return collect(rows, err, func(r *sql.Rows) (office.Device, error) { return scanDevice(r) })
}

// A Registrant is a device with the account that it rings for and its secret.
type Registrant struct {
	office.Device
	Account office.ID
	Secret  Secret
}

// Registrants returns all devices by ID, without those of disabled extensions.
func (s *Store) Registrants(ctx context.Context) (map[office.ID]Registrant, error) {
	rows, err := s.db.Query(ctx, "SELECT "+deviceColumns+", e.account, d.ha1_md5, d.ha1_sha256 FROM device d JOIN extension e ON e.account = d.account WHERE NOT e.disabled")
	all, err := collect(rows, err, func(r *sql.Rows) (d Registrant, err error) {
		d.Device, err = scanDevice(r, &d.Account, &d.Secret.MD5, &d.Secret.SHA256)
		return d, err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[office.ID]Registrant, len(all))
	for _, d := range all {
		out[d.ID] = d
	}
	return out, nil
}

// DeviceSecret returns the device that registers as username, and its secret,
// or office.ErrNotFound, also where its extension is disabled.
func (s *Store) DeviceSecret(ctx context.Context, username string) (office.Device, Secret, error) {
	var secret Secret
	d, err := scanDevice(s.db.QueryRow(ctx, "SELECT "+deviceColumns+`, d.ha1_md5, d.ha1_sha256
		FROM device d JOIN extension e ON e.account = d.account WHERE d.username = $1 AND NOT e.disabled`, username), &secret.MD5, &secret.SHA256)
	return d, secret, found(err)
}

// RemoveDevice deletes a device with its secret and bindings, and the session
// that made it if one did. ErrNotFound: there is none.
func (s *Store) RemoveDevice(ctx context.Context, id office.ID) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		var account office.ID
		if err := w.QueryRow("DELETE FROM device WHERE id = $1 RETURNING account", id).Scan(&account); err != nil {
			return found(err)
		}
		w.changed = append(w.changed, account)
		return nil
	})
}
