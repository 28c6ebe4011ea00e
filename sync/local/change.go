package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// Change queues new values of properties of the settings t; nil sets one back
// to its default. They are laid over what is read from now on. What waits
// already is sent together with them; what is so already is not sent.
// office.ErrNotFound before the first sync.
func (m *Mirror) Change(ctx context.Context, t Type, patch map[string]any, now time.Time) error {
	if !t.IsSingleton() {
		return fmt.Errorf("changing settings: %w", office.ErrNotFound)
	}
	values := make(object, len(patch))
	for name, v := range patch {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("changing settings: %w", err)
		}
		values[name] = b
	}
	var files []string
	err := m.write(ctx, func(tx *sqldb.Tx) (err error) {
		files = nil
		if _, again := values["greeting"]; again { // a recording that was not sent yet, or was refused, is not wanted any more
			if files, err = drop(tx, `type = $1 AND action = $2 AND (reason IS NOT NULL OR attempts = 0)`, t, SendGreeting); err != nil {
				return err
			}
		}
		return change(tx, t, values, now)
	}, settingStamp)
	if err != nil {
		return err
	}
	return m.removeFiles(files)
}

// change queues values over the patch of t that waits, if one does, and in the place
// of what was refused. Where that which waits was sent and not answered, nobody
// knows whether it was made: then its values are as good as those that it was made for.
func change(tx *sqldb.Tx, t Type, values object, now time.Time) error {
	server, err := serverHas(tx, t)
	if err == nil {
		err = supersede(tx, t, values)
	}
	if err != nil {
		return err
	}
	e := queued{Edit: Edit{Type: t, Object: office.Singleton, Action: Patch}, base: base{}}
	patch := object{}
	waiting, err := scanEdit(tx.QueryRow(selectEdit+` WHERE o.type = $1 AND o.action = $2 AND o.reason IS NULL ORDER BY o.seq DESC LIMIT 1`, t, Patch))
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	default:
		if patch, err = properties(waiting.Patch); err != nil {
			return err
		}
		e.base = waiting.base
		for name, v := range patch {
			if waiting.sent {
				e.base.add(name, v)
			}
		}
		if _, err := tx.Exec(`DELETE FROM outbox WHERE seq = $1`, waiting.Seq); err != nil {
			return err
		}
	}
	greeting, err := sentGreeting(tx, t)
	if err != nil {
		return err
	}
	for name, v := range values {
		if _, touched := patch[name]; !touched {
			perhaps := name == "greeting" && greeting != nil
			if same(server[name], v) && !perhaps {
				continue // it is so already
			}
			e.base[name] = nil
			e.base.add(name, server[name])
			if perhaps {
				e.base.add(name, greeting)
			}
		}
		patch[name] = v
	}
	if len(patch) == 0 {
		return nil
	}
	if e.Patch, err = json.Marshal(patch); err != nil {
		return err
	}
	return enqueue(tx, e, time.Time{}, now)
}

// sentGreeting returns the greeting that waits for its answer, nil where none does.
// The server will have it under a blob of its own, so it has none here.
func sentGreeting(tx *sqldb.Tx, t Type) (json.RawMessage, error) {
	e, err := scanEdit(tx.QueryRow(selectEdit+` WHERE o.type = $1 AND o.action = $2 AND o.reason IS NULL`, t, SendGreeting))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	patch, err := properties(e.Patch)
	return withoutBlob(patch["greeting"]), err
}

// withoutBlob returns a greeting without its sound; what is no object as it is.
func withoutBlob(greeting json.RawMessage) json.RawMessage {
	o, err := properties(greeting)
	if err != nil {
		return greeting
	}
	delete(o, "blobId")
	plain, err := json.Marshal(o)
	if err != nil {
		return greeting
	}
	return plain
}

// serverHas returns the object of t as the server sent it.
func serverHas(tx *sqldb.Tx, t Type) (object, error) {
	var body string
	err := tx.QueryRow(`SELECT body FROM setting WHERE type = $1`, t).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, office.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return properties([]byte(body))
}

// prepare returns whether e can be sent now. What somebody else has changed
// meanwhile of the settings that it changes is set aside, the rest is sent.
func prepare(tx *sqldb.Tx, e *queued, now time.Time) (ready bool, err error) {
	if e.Action != Patch {
		return true, nil
	}
	server, err := serverHas(tx, e.Type)
	if errors.Is(err, office.ErrNotFound) {
		return false, nil // they are being read anew
	}
	if err != nil {
		return false, err
	}
	mine, err := properties(e.Patch)
	if err != nil {
		return false, err
	}
	rest, conflict := object{}, object{}
	for name, v := range mine {
		ours := e.base.has(name, server[name]) || name == "greeting" && e.base.has(name, withoutBlob(server[name]))
		if ours || same(server[name], v) {
			rest[name] = v
		} else {
			conflict[name] = v
		}
	}
	if len(conflict) > 0 {
		if err := setAside(tx, e, rest, conflict, server, now); err != nil || len(rest) == 0 {
			return false, err
		}
	}
	return true, tx.QueryRow(`SELECT state FROM state WHERE type = $1`, e.Type).Scan(&e.State)
}

// setAside refuses of a change the properties in conflict with what the server
// has, and leaves the rest of it in e.
func setAside(tx *sqldb.Tx, e *queued, rest, conflict, server object, now time.Time) error {
	theirs, err := json.Marshal(among(server, conflict))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE stamp SET n = n + 1 WHERE kind = $1`, settingStamp); err != nil {
		return err
	}
	if len(rest) == 0 {
		return refuse(tx, e.Edit, Conflict, string(theirs), now)
	}
	mine, err := json.Marshal(conflict)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO outbox (type, object, action, value, not_before, made_at, reason, theirs, refused_at)
		SELECT type, object, action, $1, not_before, made_at, $2, $3, $4 FROM outbox WHERE seq = $5`, string(mine), Conflict, string(theirs), millis(now), e.Seq)
	if err != nil {
		return err
	}
	if e.Patch, err = json.Marshal(rest); err != nil {
		return err
	}
	for name := range conflict {
		delete(e.base, name)
	}
	return rewrite(tx, e.Seq, e.Patch, e.base)
}

// rewrite makes value the patch of a row of the outbox.
func rewrite(tx *sqldb.Tx, seq int64, value json.RawMessage, b base) error {
	known, err := b.text()
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE outbox SET value = $1, base = $2 WHERE seq = $3`, string(value), known, seq)
	return err
}

// among returns the properties of o that are in names too, null where o has none.
func among(o, names object) object {
	some := make(object, len(names))
	for name := range names {
		some[name] = o[name]
	}
	return some
}

// supersede forgets that changes of the properties in newer were refused: the user
// wants something else now.
func supersede(tx *sqldb.Tx, t Type, newer object) error {
	rows, err := tx.Query(selectEdit+` WHERE o.type = $1 AND o.action = $2 AND o.reason IS NOT NULL`, t, Patch)
	if err != nil {
		return err
	}
	defer rows.Close()
	var refused []queued
	for rows.Next() {
		e, err := scanEdit(rows)
		if err != nil {
			return err
		}
		refused = append(refused, e)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, e := range refused {
		if err := e.without(tx, newer); err != nil {
			return err
		}
	}
	return nil
}

// without takes properties out of a change in the outbox, and the change where
// nothing is left of it.
func (e queued) without(tx *sqldb.Tx, names object) error {
	patch, err := properties(e.Patch)
	if err != nil {
		return err
	}
	was := len(patch)
	for name := range names {
		delete(patch, name)
		delete(e.base, name)
	}
	switch len(patch) {
	case was:
		return nil
	case 0:
		_, err := drop(tx, `seq = $1`, e.Seq)
		return err
	}
	value, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	return rewrite(tx, e.Seq, value, e.base)
}

// applySettings makes an accepted change in the mirror; it is what later changes
// that wait are made for.
func applySettings(tx *sqldb.Tx, e Edit) error {
	server, err := serverHas(tx, e.Type)
	if errors.Is(err, office.ErrNotFound) {
		return nil // the next sync brings it
	}
	if err != nil {
		return err
	}
	patch, err := properties(e.Patch)
	if err != nil {
		return err
	}
	maps.Copy(server, patch)
	body, err := json.Marshal(server)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE setting SET body = $1 WHERE type = $2`, string(body), e.Type); err != nil {
		return err
	}
	later, err := scanEdit(tx.QueryRow(selectEdit+` WHERE o.type = $1 AND o.action = $2 AND o.reason IS NULL AND o.seq > $3`, e.Type, Patch, e.Seq))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for name := range later.base {
		if v, made := patch[name]; made {
			later.base.add(name, v)
		}
	}
	known, err := later.base.text()
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE outbox SET base = $1 WHERE seq = $2`, known, later.Seq)
	return err
}
