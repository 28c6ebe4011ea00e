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

// Conflict is the reason of a change of settings that somebody else has changed
// meanwhile to another value.
const Conflict = "conflict"

// A Refused is a change that the server said no to. The user sees the server's
// row again, and this until it is dismissed or tried again.
type Refused struct {
	Seq    int64
	Type   Type
	Object office.ID
	Action Action
	Reason string // JMAP type of the error, such as "forbidden", or Conflict
	At     time.Time
	Mine   json.RawMessage // the properties as the user wanted them
	Theirs json.RawMessage // of a Conflict: the same properties as the server has them now; else nil
}

// IsToDecide reports whether the user has to say what becomes of r, so that telling
// it is not enough: which of two values counts, or whether a fax, whose only copy
// waits here, is tried again.
func (r Refused) IsToDecide() bool { return r.Reason == Conflict || r.Action == CreateFax }

// Refused returns the edits set aside, oldest first; not a Conflict that is none any
// more, because the server has come to say the same.
func (m *Mirror) Refused(ctx context.Context) ([]Refused, error) {
	var list []Refused
	err := m.rows(ctx, func(r *sql.Rows) error {
		var x Refused
		var at int64
		var mine, server string
		if err := r.Scan(&x.Seq, &x.Type, &x.Object, &x.Action, &x.Reason, &at, &mine, &server); err != nil {
			return err
		}
		x.At, x.Mine = instant(at), json.RawMessage(mine)
		differs := true
		if server != "" {
			var err error
			if differs, err = x.compare([]byte(server)); err != nil {
				return err
			}
		}
		if differs {
			list = append(list, x)
		}
		return nil
	}, `SELECT o.seq, o.type, o.object, o.action, o.reason, coalesce(o.refused_at, 0), o.value,
		CASE WHEN o.theirs = '' THEN '' ELSE coalesce(s.body, o.theirs) END
		FROM outbox o LEFT JOIN setting s ON s.type = o.type WHERE o.reason IS NOT NULL ORDER BY o.seq`)
	return list, err
}

// compare takes Theirs out of what the server has, and reports whether that differs
// from Mine.
func (x *Refused) compare(server []byte) (differs bool, err error) {
	has, err := properties(server)
	if err != nil {
		return false, err
	}
	mine, err := properties(x.Mine)
	if err != nil {
		return false, err
	}
	theirs := among(has, mine)
	for name, v := range mine {
		differs = differs || !same(v, theirs[name])
	}
	x.Theirs, err = json.Marshal(theirs)
	return differs, err
}

// Dismiss forgets a refused edit with its file; one that does not exist is no
// error.
func (m *Mirror) Dismiss(ctx context.Context, seq int64) error {
	return m.refused(ctx, seq, func(*sqldb.Tx, queued) (keep bool, err error) { return false, nil })
}

// Retry puts a refused edit back into the outbox at now. Of a change of settings
// the user's values then win over those that the server has now. One that does
// not exist is no error.
func (m *Mirror) Retry(ctx context.Context, seq int64, now time.Time) error {
	return m.refused(ctx, seq, func(tx *sqldb.Tx, e queued) (keep bool, err error) {
		if e.Action == Patch {
			patch, err := properties(e.Patch)
			if err != nil {
				return false, err
			}
			return false, change(tx, e.Type, patch, now)
		}
		return true, requeue(tx, seq, now)
	})
}

// requeue puts a refused row back into the outbox as if it were new.
func requeue(tx *sqldb.Tx, seq int64, now time.Time) error {
	_, err := tx.Exec(`UPDATE outbox SET reason = NULL, refused_at = NULL, attempts = 0, blob_id = '', made_at = $1 WHERE seq = $2`, millis(now), seq)
	return err
}

// refused runs fn on a refused edit and forgets it unless it is kept.
func (m *Mirror) refused(ctx context.Context, seq int64, fn func(*sqldb.Tx, queued) (keep bool, err error)) error {
	var t Type
	err := m.data().QueryRow(ctx, `SELECT type FROM outbox WHERE seq = $1 AND reason IS NOT NULL`, seq).Scan(&t)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return m.check(err)
	}
	var files []string
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		files = nil
		e, err := scanEdit(tx.QueryRow(selectEdit+` WHERE o.seq = $1 AND o.reason IS NOT NULL`, seq))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		keep, err := fn(tx, e)
		if err == nil && !keep {
			files, err = drop(tx, `seq = $1`, seq)
		}
		return err
	}, t.stamp())
	if err != nil {
		return err
	}
	return m.removeFiles(files)
}
