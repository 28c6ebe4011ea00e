package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Binding is an address at which a device can be reached (RFC 3261 §10),
// as it is kept across a restart.
type Binding struct {
	Device    office.ID
	Contact   string // the URI that the device gave
	Source    string // IP:port it came from
	Transport string // udp, tcp or tls
	CallID    string
	CSeq      uint32
	Expires   time.Duration // how long each registration holds
	CreatedAt time.Time
}

// PutBinding keeps b in place of what the device had under the same contact,
// and notes that the device registered now. ErrNotFound: the device is gone.
func (s *Store) PutBinding(ctx context.Context, b Binding) error {
	return s.write(ctx, func(w *writing) error {
		if err := affected(w.Exec("UPDATE device SET last_used = $1 WHERE id = $2", millis(b.CreatedAt), b.Device)); err != nil {
			return err
		}
		_, err := w.Exec(`INSERT INTO binding (device, contact, source, transport, call_id, cseq, expires, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (device, contact) DO UPDATE SET source = excluded.source, transport = excluded.transport,
				call_id = excluded.call_id, cseq = excluded.cseq, expires = excluded.expires, created_at = excluded.created_at`,
			b.Device, b.Contact, b.Source, b.Transport, b.CallID, int64(b.CSeq), b.Expires.Milliseconds(), millis(b.CreatedAt))
		return err
	})
}

// RemoveBindings forgets contacts of a device. What is not there is no error.
func (s *Store) RemoveBindings(ctx context.Context, device office.ID, contacts ...string) error {
	if len(contacts) == 0 {
		return nil
	}
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM binding WHERE device = $1 AND contact IN ("+sqldb.Placeholders(2, len(contacts))+")",
			append([]any{device}, sqldb.Args(contacts)...)...)
		return err
	})
}

// Bindings returns all that are kept, oldest first.
func (s *Store) Bindings(ctx context.Context) ([]Binding, error) {
	rows, err := s.db.Query(ctx, `SELECT device, contact, source, transport, call_id, cseq, expires, created_at
		FROM binding ORDER BY created_at, device, contact`)
	return collect(rows, err, func(r *sql.Rows) (b Binding, err error) {
		var cseq, expires, created int64
		err = r.Scan(&b.Device, &b.Contact, &b.Source, &b.Transport, &b.CallID, &cseq, &expires, &created)
		b.CSeq, b.Expires, b.CreatedAt = uint32(cseq), time.Duration(expires)*time.Millisecond, at(created)
		return b, err
	})
}

// Alive returns when a server last worked on these data, to the minute; the
// zero Time if none has yet.
func (s *Store) Alive(ctx context.Context) (time.Time, error) {
	var value string
	err := s.db.QueryRow(ctx, "SELECT value FROM meta WHERE name = 'alive'").Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, value)
}

// markAlive notes that a server works on these data now.
func (s *Store) markAlive(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("INSERT INTO meta (name, value) VALUES ('alive', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			s.now().UTC().Format(time.RFC3339))
		return err
	})
}
