package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// Hold is how long a destroy waits in the outbox so that it can be undone.
const Hold = 10 * time.Second

// An Action is what an outbox row does to its object.
type Action string

// The actions of the outbox.
const (
	Mark    Action = "mark"    // sets isNew
	Destroy Action = "destroy" // deletes the object
)

// An Edit is a change that the user made and that waits to be sent.
type Edit struct {
	Seq    int64
	Type   Type
	Object office.ID
	Action Action
	Patch  json.RawMessage // of a Mark: the properties to change, as JMAP wants them
}

// A Refused is a change that the server said no to. The user sees the server's
// row again, and this until it is dismissed.
type Refused struct {
	Seq    int64
	Object office.ID
	Action Action
	Reason string // JMAP type of the error, such as "forbidden"
	At     time.Time
}

// MarkVoicemail queues a new value of isNew. It replaces an earlier one that
// waits. office.ErrNotFound where the user sees no such message.
func (m *Mirror) MarkVoicemail(ctx context.Context, id office.ID, isNew bool) error {
	patch, err := json.Marshal(map[string]bool{"isNew": isNew})
	if err != nil {
		return err
	}
	return m.write(ctx, func(tx *sqldb.Tx) error {
		if err := visible(tx, id); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM outbox WHERE object = $1 AND action = $2 AND reason IS NULL`, id, Mark); err != nil {
			return err
		}
		return enqueue(tx, Edit{Type: VoicemailType, Object: id, Action: Mark, Patch: patch}, time.Time{})
	}, string(VoicemailType))
}

// DeleteVoicemail hides a message and queues its destruction, not to be sent
// before due. office.ErrNotFound where the user sees no such message.
func (m *Mirror) DeleteVoicemail(ctx context.Context, id office.ID, due time.Time) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		if err := visible(tx, id); err != nil {
			return err
		}
		return enqueue(tx, Edit{Type: VoicemailType, Object: id, Action: Destroy, Patch: json.RawMessage("{}")}, due)
	}, string(VoicemailType))
}

// UndoDelete takes a destruction back out of the outbox. office.ErrNotFound where
// there is none or it has been sent.
func (m *Mirror) UndoDelete(ctx context.Context, id office.ID) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		r, err := tx.Exec(`DELETE FROM outbox WHERE object = $1 AND action = $2 AND reason IS NULL AND attempts = 0`, id, Destroy)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, office.ErrNotFound)
		}
		return nil
	}, string(VoicemailType))
}

// visible returns office.ErrNotFound unless the user sees the message.
func visible(tx *sqldb.Tx, id office.ID) error {
	var one int
	err := tx.QueryRow(`SELECT 1 FROM voicemail v WHERE v.id = $1 AND `+notDestroyed, id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return office.ErrNotFound
	}
	return err
}

func enqueue(tx *sqldb.Tx, e Edit, due time.Time) error {
	var notBefore int64
	if !due.IsZero() {
		notBefore = millis(due)
	}
	_, err := tx.Exec(`INSERT INTO outbox (type, object, action, value, not_before) VALUES ($1, $2, $3, $4, $5)`,
		e.Type, e.Object, e.Action, string(e.Patch), notBefore)
	return err
}

// TakeEdits returns the edits to send now, at most limit, oldest first and of
// each object only its first: the next may go when that one is answered. From
// now on a destroy among them cannot be undone. Each must be ended by Accept or
// Refuse; without an answer it is taken again, because all edits are idempotent.
// One that would wait longer than Hold was queued before the clock was set back:
// it is sent now.
func (m *Mirror) TakeEdits(ctx context.Context, now time.Time, limit int) ([]Edit, error) {
	var taken []Edit
	err := m.write(ctx, func(tx *sqldb.Tx) error {
		taken = nil
		rows, err := tx.Query(`SELECT seq, type, object, action, value FROM outbox o
			WHERE reason IS NULL AND (not_before <= $1 OR not_before > $2) AND NOT EXISTS
				(SELECT 1 FROM outbox e WHERE e.object = o.object AND e.seq < o.seq AND e.reason IS NULL)
			ORDER BY seq LIMIT $3`, millis(now), millis(now.Add(Hold)), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Edit
			var patch string
			if err := rows.Scan(&e.Seq, &e.Type, &e.Object, &e.Action, &patch); err != nil {
				return err
			}
			e.Patch = json.RawMessage(patch)
			taken = append(taken, e)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, e := range taken {
			if _, err := tx.Exec(`UPDATE outbox SET attempts = attempts + 1 WHERE seq = $1`, e.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	return taken, err
}

// NextDue returns when the first edit that waits may be sent, which may be past;
// false where none waits.
func (m *Mirror) NextDue(ctx context.Context) (time.Time, bool, error) {
	var due sql.NullInt64
	err := m.db.QueryRow(ctx, `SELECT min(not_before) FROM outbox WHERE reason IS NULL`).Scan(&due)
	return instant(due.Int64), due.Valid, m.check(err)
}

// Accept removes an edit that the server has made and makes it in the mirror
// too, so that nothing flickers before the next pull.
func (m *Mirror) Accept(ctx context.Context, e Edit) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(`DELETE FROM outbox WHERE seq = $1`, e.Seq); err != nil {
			return err
		}
		if e.Action == Destroy {
			_, err := tx.Exec(`DELETE FROM voicemail WHERE id = $1`, e.Object)
			return err
		}
		var patch struct {
			IsNew *bool `json:"isNew"`
		}
		if err := json.Unmarshal(e.Patch, &patch); err != nil || patch.IsNew == nil {
			return err
		}
		_, err := tx.Exec(`UPDATE voicemail SET is_new = $1 WHERE id = $2`, *patch.IsNew, e.Object)
		return err
	}, string(e.Type))
}

// Refuse sets an edit aside, with the reason, where it blocks no other.
func (m *Mirror) Refuse(ctx context.Context, e Edit, reason string, at time.Time) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET reason = $1, refused_at = $2 WHERE seq = $3`, reason, millis(at), e.Seq)
		return err
	}, string(e.Type))
}

// Pending counts the edits that wait to be sent.
func (m *Mirror) Pending(ctx context.Context) (int, error) {
	var n int
	err := m.db.QueryRow(ctx, `SELECT count(*) FROM outbox WHERE reason IS NULL`).Scan(&n)
	return n, m.check(err)
}

// Refused returns the edits set aside, oldest first.
func (m *Mirror) Refused(ctx context.Context) ([]Refused, error) {
	var list []Refused
	err := m.rows(ctx, func(r *sql.Rows) error {
		var x Refused
		var at int64
		if err := r.Scan(&x.Seq, &x.Object, &x.Action, &x.Reason, &at); err != nil {
			return err
		}
		x.At = instant(at)
		list = append(list, x)
		return nil
	}, `SELECT seq, object, action, reason, refused_at FROM outbox WHERE reason IS NOT NULL ORDER BY seq`)
	return list, err
}

// Dismiss forgets a refused edit; one that does not exist is no error.
func (m *Mirror) Dismiss(ctx context.Context, seq int64) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM outbox WHERE seq = $1 AND reason IS NOT NULL`, seq)
		return err
	}, string(VoicemailType))
}
