package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Type is a JMAP type that the mirror follows.
type Type string

// The types of the mirror.
const (
	VoicemailType Type = "Voicemail"
	CallType      Type = "Call"
)

// Types are all types of the mirror.
var Types = []Type{VoicemailType, CallType}

// table returns where the objects of t are.
func (t Type) table() string {
	if t == CallType {
		return "call"
	}
	return "voicemail"
}

// ErrStale says that a page does not follow the mirror's state any more: another
// process pulled meanwhile. Nothing was changed; pull again.
var ErrStale = errors.New("the mirror has moved on")

// A Page is what one exchange with the server brought of one type.
type Page struct {
	Type      Type
	Since     string            // the state that the page follows
	State     string            // the state after it
	Objects   []json.RawMessage // created or updated
	Destroyed []office.ID
}

// State returns the server's state that the mirror of t has reached, empty
// before the first full read.
func (m *Mirror) State(ctx context.Context, t Type) (string, error) {
	var s string
	err := m.db.QueryRow(ctx, `SELECT state FROM state WHERE type = $1`, t).Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return s, m.check(err)
}

// Apply makes the changes of a page and takes over its state, all or nothing.
// ErrStale where the mirror is not at p.Since.
func (m *Mirror) Apply(ctx context.Context, p Page) error {
	kinds := []string{}
	if len(p.Objects)+len(p.Destroyed) > 0 {
		kinds = append(kinds, string(p.Type))
	}
	return m.write(ctx, func(tx *sqldb.Tx) error {
		r, err := tx.Exec(`UPDATE state SET state = $1 WHERE type = $2 AND state = $3`, p.State, p.Type, p.Since)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrStale)
		}
		var round int64
		if err := tx.QueryRow(`SELECT round FROM state WHERE type = $1`, p.Type).Scan(&round); err != nil {
			return err
		}
		if err := upsert(tx, p.Type, p.Objects, round); err != nil {
			return err
		}
		for _, id := range p.Destroyed {
			if _, err := tx.Exec(`DELETE FROM `+p.Type.table()+` WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	}, kinds...)
}

// BeginRead starts to read all objects of t anew and returns the round to hand
// to AddRead and EndRead. The old rows stay until the end. A round that is
// never ended costs nothing.
func (m *Mirror) BeginRead(ctx context.Context, t Type) (round int64, err error) {
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO state (type, state, round) VALUES ($1, '', 1)
			ON CONFLICT (type) DO UPDATE SET round = round + 1`, t)
		if err != nil {
			return err
		}
		return tx.QueryRow(`SELECT round FROM state WHERE type = $1`, t).Scan(&round)
	})
	return round, err
}

// AddRead adds objects of a full read.
func (m *Mirror) AddRead(ctx context.Context, t Type, round int64, objects []json.RawMessage) error {
	return m.write(ctx, func(tx *sqldb.Tx) error { return upsert(tx, t, objects, round) }, string(t))
}

// EndRead removes the rows that the full read did not bring and sets the state
// as it was on the server before the read began. ErrStale where another full
// read began meanwhile.
func (m *Mirror) EndRead(ctx context.Context, t Type, round int64, state string) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		r, err := tx.Exec(`UPDATE state SET state = $1 WHERE type = $2 AND round = $3`, state, t, round)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrStale)
		}
		_, err = tx.Exec(`DELETE FROM `+t.table()+` WHERE round < $1`, round)
		return err
	}, string(t))
}

// upsert writes objects as the server sent them, whether they are new or not.
func upsert(tx *sqldb.Tx, t Type, objects []json.RawMessage, round int64) error {
	for _, body := range objects {
		var err error
		if t == CallType {
			err = upsertCall(tx, body, round)
		} else {
			err = upsertVoicemail(tx, body, round)
		}
		if err != nil {
			return fmt.Errorf("keeping a %s: %w", t, err)
		}
	}
	return nil
}

func upsertVoicemail(tx *sqldb.Tx, body json.RawMessage, round int64) error {
	var v office.Voicemail
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO voicemail (id, received_at, is_new, blob_id, folded, round, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET received_at = excluded.received_at, is_new = excluded.is_new,
			blob_id = excluded.blob_id, folded = excluded.folded, round = excluded.round, body = excluded.body`,
		v.ID, millis(v.ReceivedAt), v.IsNew, v.BlobID, v.From.Folded(), round, string(body))
	return err
}

func upsertCall(tx *sqldb.Tx, body json.RawMessage, round int64) error {
	var c office.Call
	if err := json.Unmarshal(body, &c); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO call (id, started_at, kind, folded, round, body)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, kind = excluded.kind,
			folded = excluded.folded, round = excluded.round, body = excluded.body`,
		c.ID, millis(c.StartedAt), c.Kind, c.Peer.Folded(), round, string(body))
	return err
}
