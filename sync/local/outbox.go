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
	Mark         Action = "mark"     // sets isNew
	Destroy      Action = "destroy"  // deletes the object
	Patch        Action = "patch"    // changes settings
	SendGreeting Action = "greeting" // uploads a greeting and makes it the mailbox's
	CreateFax    Action = "create"   // uploads a document, where it has one, and has it sent; Object is its client reference
	Cancel       Action = "cancel"   // stops a fax
	AddQuality   Action = "quality"  // says of a call how good this device's leg of it was
)

// An Edit is a change that the user made and that waits to be sent.
type Edit struct {
	Seq    int64
	Type   Type
	Object office.ID
	Action Action
	Patch  json.RawMessage // the properties to change, as JMAP wants them; of a CreateFax: the object to create
	State  string          // of a Patch: the state that it was made for, to be sent as ifInState
	Upload bool            // its file is not uploaded yet: do so, call Uploaded and take it again
}

// selectEdit reads rows o of outbox with what scanEdit wants.
const selectEdit = `SELECT o.seq, o.type, o.object, o.action, o.value, o.base, o.file, o.blob_id, o.attempts > 0 FROM outbox o`

// A queued is an Edit with what only the outbox knows of it.
type queued struct {
	Edit
	base base
	file string
	sent bool // perhaps made: nobody knows
}

func scanEdit(r interface{ Scan(...any) error }) (queued, error) {
	var e queued
	var value, known string
	var blob office.ID
	if err := r.Scan(&e.Seq, &e.Type, &e.Object, &e.Action, &value, &known, &e.file, &blob, &e.sent); err != nil {
		return e, err
	}
	e.Patch = json.RawMessage(value)
	e.Upload = e.file != "" && blob == ""
	err := e.base.read(known)
	if err == nil && e.file != "" && blob != "" {
		e.Patch, err = withBlob(e.Patch, e.Action, blob)
	}
	return e, err
}

// withBlob puts the uploaded file into a patch: a greeting's is deeper than a
// fax's.
func withBlob(patch json.RawMessage, a Action, blob office.ID) (json.RawMessage, error) {
	o, err := properties(patch)
	if err != nil {
		return nil, err
	}
	id, err := json.Marshal(blob)
	if err != nil {
		return nil, err
	}
	if a != SendGreeting {
		o["blobId"] = id
		return json.Marshal(o)
	}
	greeting, err := properties(o["greeting"])
	if err != nil {
		return nil, err
	}
	greeting["blobId"] = id
	if o["greeting"], err = json.Marshal(greeting); err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

// enqueue puts e into the outbox, not to be sent before due.
func enqueue(tx *sqldb.Tx, e queued, due, now time.Time) error {
	var notBefore int64
	if !due.IsZero() {
		notBefore = millis(due)
	}
	known, err := e.base.text()
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO outbox (type, object, action, value, base, file, not_before, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Type, e.Object, e.Action, string(e.Patch), known, e.file, notBefore, millis(now))
	return err
}

// TakeEdits returns the edits to send now, at most limit, oldest first and of
// each object only its first: the next may go when that one is answered. From
// now on a destroy or a fax among them cannot be taken back. Each must be ended by
// Accept, AcceptFax, FindFax, Refuse or Discard, or delayed by Postpone; without an answer
// it is taken again, because all edits are idempotent.
// One that would wait longer than Hold was queued before the clock was set back:
// it is sent now.
//
// A change of settings that somebody else has changed to another value meanwhile
// is not among them: it is set aside with the reason Conflict. So an answer
// stateMismatch needs nothing but that the settings are read again.
func (m *Mirror) TakeEdits(ctx context.Context, now time.Time, limit int) ([]Edit, error) {
	var taken []Edit
	err := m.write(ctx, func(tx *sqldb.Tx) error {
		taken = nil
		waiting, err := due(tx, now, limit)
		if err != nil {
			return err
		}
		for _, e := range waiting {
			ready, err := prepare(tx, &e, now)
			if err != nil {
				return err
			}
			if !ready {
				continue
			}
			taken = append(taken, e.Edit)
			if e.Upload {
				continue // the server knows nothing of it yet
			}
			if _, err := tx.Exec(`UPDATE outbox SET attempts = attempts + 1 WHERE seq = $1`, e.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	return taken, err
}

// due returns the edits that may be sent now. Where a fax is sent again, the fax that
// it was counts as its object too: what was done to that before comes first, and
// what is done to it later comes behind.
func due(tx *sqldb.Tx, now time.Time, limit int) ([]queued, error) {
	rows, err := tx.Query(selectEdit+` WHERE o.reason IS NULL AND (o.not_before <= $1 OR o.not_before > $2) AND NOT EXISTS
			(SELECT 1 FROM outbox e WHERE e.object = o.object AND e.type = o.type AND e.seq < o.seq AND e.reason IS NULL)
		AND NOT (o.type = 'Fax' AND EXISTS (SELECT 1 FROM outbox e WHERE e.type = o.type AND e.seq < o.seq AND e.reason IS NULL
			AND (e.object = json_extract(o.value, '$.resendOf') OR o.object = json_extract(e.value, '$.resendOf'))))
		ORDER BY o.seq LIMIT $3`, millis(now), millis(now.Add(Hold)), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []queued
	for rows.Next() {
		e, err := scanEdit(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// NextDue returns when the first edit that waits may be sent, which may be past;
// false where none waits.
func (m *Mirror) NextDue(ctx context.Context) (time.Time, bool, error) {
	var due sql.NullInt64
	err := m.data().QueryRow(ctx, `SELECT min(not_before) FROM outbox WHERE reason IS NULL`).Scan(&due)
	return instant(due.Int64), due.Valid, m.check(err)
}

// Uploaded keeps what the server calls the file of an edit. An empty blob: the
// server has forgotten it, it must be uploaded again.
func (m *Mirror) Uploaded(ctx context.Context, e Edit, blob office.ID) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET blob_id = $1 WHERE seq = $2`, blob, e.Seq)
		return err
	})
}

// Accept removes an edit that the server has made and makes it in the mirror
// too, so that nothing flickers before the next pull. Of a CreateFax, see
// AcceptFax.
func (m *Mirror) Accept(ctx context.Context, e Edit) error {
	return m.settle(ctx, e, func(tx *sqldb.Tx) error { return apply(tx, e) })
}

// AcceptFax removes a CreateFax that the server has made, the fax id. It is in the
// list at once; what the user did to it meanwhile will be done to id.
func (m *Mirror) AcceptFax(ctx context.Context, e Edit, id office.ID) error {
	return m.endCreate(ctx, e, id, true)
}

// FindFax is AcceptFax for a fax that the server had made already. Another device may
// have deleted it since: it is in the list when a pull has brought it.
func (m *Mirror) FindFax(ctx context.Context, e Edit, id office.ID) error {
	return m.endCreate(ctx, e, id, false)
}

// endCreate removes a CreateFax, the fax id, which is there now where it is new.
func (m *Mirror) endCreate(ctx context.Context, e Edit, id office.ID, isNew bool) error {
	return m.settle(ctx, e, func(tx *sqldb.Tx) error {
		var at int64
		err := tx.QueryRow(`SELECT made_at FROM outbox WHERE seq = $1`, e.Seq).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another process was quicker
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE outbox SET object = $1 WHERE type = $2 AND object = $3 AND seq <> $4`, id, FaxType, e.Object, e.Seq); err != nil || !isNew {
			return err
		}
		var known bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM fax WHERE id = $1)`, id).Scan(&known); err != nil || known {
			return err
		}
		f := office.Fax{ID: id, Direction: office.FaxSent, State: office.FaxQueued, CreatedAt: instant(at)}
		if err := json.Unmarshal(e.Patch, &f); err != nil {
			return err
		}
		body, err := json.Marshal(f)
		if err != nil {
			return err
		}
		return upsertNow(tx, FaxType, body)
	})
}

// upsertNow writes one object as part of the round that goes on.
func upsertNow(tx *sqldb.Tx, t Type, body json.RawMessage) error {
	var round int64
	err := tx.QueryRow(`SELECT round FROM state WHERE type = $1`, t).Scan(&round)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return upsert(tx, t, Objects{bodies: []json.RawMessage{body}}, round)
}

// apply makes an edit in the mirror.
func apply(tx *sqldb.Tx, e Edit) error {
	table := e.Type.table()
	switch e.Action {
	case Destroy:
		_, err := tx.Exec(`DELETE FROM `+table+` WHERE id = $1`, e.Object)
		return err
	case Mark:
		var patch struct {
			IsNew *bool `json:"isNew"`
		}
		if err := json.Unmarshal(e.Patch, &patch); err != nil || patch.IsNew == nil {
			return err
		}
		_, err := tx.Exec(`UPDATE `+table+` SET is_new = $1 WHERE id = $2`, *patch.IsNew, e.Object)
		return err
	case Cancel:
		_, err := tx.Exec(`UPDATE fax SET body = json_set(body, '$.state', $1) WHERE id = $2`, office.FaxCanceled, e.Object)
		return err
	case Patch, SendGreeting:
		return applySettings(tx, e)
	}
	return nil
}

// Refuse sets an edit aside, with the reason, where it blocks no other. What was
// to follow a fax that is not made goes with it.
func (m *Mirror) Refuse(ctx context.Context, e Edit, reason string, at time.Time) error {
	return m.write(ctx, func(tx *sqldb.Tx) error { return refuse(tx, e, reason, "", at) }, e.Type.stamp())
}

func refuse(tx *sqldb.Tx, e Edit, reason, theirs string, at time.Time) error {
	if e.Action == CreateFax {
		if _, err := tx.Exec(`DELETE FROM outbox WHERE type = $1 AND object = $2 AND seq > $3`, e.Type, e.Object, e.Seq); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`UPDATE outbox SET reason = $1, theirs = $2, refused_at = $3 WHERE seq = $4`, reason, theirs, millis(at), e.Seq)
	return err
}

// Discard forgets an edit that nobody needs to know the end of.
func (m *Mirror) Discard(ctx context.Context, e Edit) error {
	return m.settle(ctx, e, func(*sqldb.Tx) error { return nil })
}

// Postpone lets an edit wait until due, which is at most Hold from now: the
// server cannot make it yet.
func (m *Mirror) Postpone(ctx context.Context, e Edit, due time.Time) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET not_before = $1 WHERE seq = $2`, millis(due), e.Seq)
		return err
	})
}

// settle runs fn and removes e with its file.
func (m *Mirror) settle(ctx context.Context, e Edit, fn func(*sqldb.Tx) error) error {
	var files []string
	err := m.write(ctx, func(tx *sqldb.Tx) error {
		err := fn(tx)
		if err == nil {
			files, err = drop(tx, `seq = $1`, e.Seq)
		}
		return err
	}, e.Type.stamp())
	if err != nil {
		return err
	}
	return m.removeFiles(files)
}

// drop deletes outbox rows and returns the files that they owned.
func drop(tx *sqldb.Tx, where string, args ...any) (files []string, err error) {
	rows, err := tx.Query(`DELETE FROM outbox WHERE `+where+` RETURNING file`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var file string
		if err := rows.Scan(&file); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, rows.Err()
}

// Pending counts the edits that wait to be sent.
func (m *Mirror) Pending(ctx context.Context) (int, error) {
	var n int
	err := m.data().QueryRow(ctx, `SELECT count(*) FROM outbox WHERE reason IS NULL`).Scan(&n)
	return n, m.check(err)
}
