package store

import (
	"context"
	"database/sql"
	"time"

	"timbre/internal/office"
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

// A Rebinding is a change of what is kept.
type Rebinding struct {
	Put    []Binding              // in place of what the device had under the same contact
	Remove map[office.ID][]string // contacts of each device; what is not there is no error
	Used   office.ID              // a device that registered now without a binding to keep; "" for none
}

// Rebind applies r in one commit, removals first. Devices whose bindings are
// put have been used now. ErrNotFound: such a device is gone.
func (s *Store) Rebind(ctx context.Context, r Rebinding) error {
	if len(r.Put)+len(r.Remove) == 0 && r.Used == "" {
		return nil
	}
	return s.write(ctx, func(w *writing) error {
		for device, contacts := range r.Remove {
			for _, c := range contacts {
				if _, err := w.Exec("DELETE FROM binding WHERE device = $1 AND contact = $2", device, c); err != nil {
					return err
				}
			}
		}
		for i := range r.Put {
			if err := s.putBinding(w, &r.Put[i]); err != nil {
				return err
			}
		}
		if r.Used != "" {
			return s.useDevice(w, r.Used)
		}
		return nil
	})
}

func (s *Store) putBinding(w *writing, b *Binding) error {
	if err := s.useDevice(w, b.Device); err != nil {
		return err
	}
	_, err := w.Exec(`INSERT INTO binding (device, contact, source, transport, call_id, cseq, expires, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (device, contact) DO UPDATE SET source = excluded.source, transport = excluded.transport,
			call_id = excluded.call_id, cseq = excluded.cseq, expires = excluded.expires, created_at = excluded.created_at`,
		b.Device, b.Contact, b.Source, b.Transport, b.CallID, int64(b.CSeq), b.Expires.Milliseconds(), millis(b.CreatedAt))
	return err
}

// useDevice notes that a device registered now. ErrNotFound: it is gone.
func (s *Store) useDevice(w *writing, id office.ID) error {
	return affected(w.Exec("UPDATE device SET last_used = $1 WHERE id = $2", millis(s.now()), id))
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
