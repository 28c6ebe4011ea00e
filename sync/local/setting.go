package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// Pending names the properties with changes that wait to be sent, sorted.
type Pending []string

// VoicemailSettings returns how the mailbox works, as the user wants it.
// office.ErrNotFound before the first sync, here and below.
func (m *Mirror) VoicemailSettings(ctx context.Context) (s office.VoicemailSettings, p Pending, err error) {
	p, err = m.setting(ctx, VoicemailSettingsType, &s)
	return s, p, err
}

// ForwardingSettings returns when calls go elsewhere, as the user wants it.
func (m *Mirror) ForwardingSettings(ctx context.Context) (s office.ForwardingSettings, p Pending, err error) {
	p, err = m.setting(ctx, ForwardingSettingsType, &s)
	return s, p, err
}

// CallerIDSettings returns which number goes out, as the user wants it.
func (m *Mirror) CallerIDSettings(ctx context.Context) (s office.CallerIDSettings, p Pending, err error) {
	p, err = m.setting(ctx, CallerIDSettingsType, &s)
	return s, p, err
}

// Profile returns who the user is, as the user wants it.
func (m *Mirror) Profile(ctx context.Context) (s office.Profile, p Pending, err error) {
	p, err = m.setting(ctx, ProfileType, &s)
	return s, p, err
}

// Availability returns until when the user does not want to be disturbed.
func (m *Mirror) Availability(ctx context.Context) (s office.Availability, p Pending, err error) {
	p, err = m.setting(ctx, AvailabilityType, &s)
	return s, p, err
}

// setting reads the object of t, with the edits that wait laid over it, into s.
func (m *Mirror) setting(ctx context.Context, t Type, s any) (Pending, error) {
	var body string
	err := m.db.QueryRow(ctx, `SELECT body FROM setting WHERE type = $1`, t).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, office.ErrNotFound
	}
	if err != nil {
		return nil, m.check(err)
	}
	object, err := properties([]byte(body))
	if err != nil {
		return nil, err
	}
	edited := map[string]bool{}
	err = m.rows(ctx, func(r *sql.Rows) error {
		var value string
		if err := r.Scan(&value); err != nil {
			return err
		}
		patch, err := properties([]byte(value))
		for name, v := range patch {
			object[name], edited[name] = v, true
		}
		return err
	}, `SELECT value FROM outbox WHERE type = $1 AND object = $2 AND reason IS NULL ORDER BY seq`, t, office.Singleton)
	if err != nil {
		return nil, err
	}
	whole, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(whole, s)
	}
	return slices.Sorted(maps.Keys(edited)), err
}

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
		if _, again := values["greeting"]; again { // a recording that was not sent yet is not wanted any more
			if files, err = drop(tx, `type = $1 AND action = $2 AND reason IS NULL AND attempts = 0`, t, SendGreeting); err != nil {
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

// change queues values over the patch of t that waits, if one does. Where that
// was sent and not answered, nobody knows whether it was made: then its
// values are as good as those that it was made for.
func change(tx *sqldb.Tx, t Type, values object, now time.Time) error {
	server, err := serverHas(tx, t)
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

// prepare returns whether e can be sent now. A change of settings that somebody
// else has changed meanwhile it sets aside.
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
	theirs, conflict := object{}, false
	for name, v := range mine {
		theirs[name] = server[name]
		ours := e.base.has(name, server[name]) || name == "greeting" && e.base.has(name, withoutBlob(server[name]))
		conflict = conflict || !ours && !same(server[name], v)
	}
	if conflict {
		text, err := json.Marshal(theirs)
		if err != nil {
			return false, err
		}
		_, err = tx.Exec(`UPDATE stamp SET n = n + 1 WHERE kind = $1`, settingStamp)
		return false, errors.Join(err, refuse(tx, e.Edit, Conflict, string(text), now))
	}
	return true, tx.QueryRow(`SELECT state FROM state WHERE type = $1`, e.Type).Scan(&e.State)
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

// An object is a JMAP object by the names of its properties.
type object = map[string]json.RawMessage

func properties(b []byte) (object, error) {
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, err
	}
	if o == nil { // null
		o = object{}
	}
	return o, nil
}

// A base holds, for each property that an edit touches, the values that the server
// may have without anybody else having changed it.
type base map[string][]json.RawMessage

func (b base) add(name string, v json.RawMessage) {
	if v == nil {
		v = json.RawMessage("null")
	}
	if !b.has(name, v) {
		b[name] = append(b[name], v)
	}
}

func (b base) has(name string, v json.RawMessage) bool {
	return slices.ContainsFunc(b[name], func(known json.RawMessage) bool { return same(known, v) })
}

func (b *base) read(s string) error {
	*b = base{}
	if s == "" {
		return nil
	}
	return json.Unmarshal([]byte(s), b)
}

func (b base) text() (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	t, err := json.Marshal(b)
	return string(t), err
}

// same reports whether two JSON texts say the same: nothing is as good as null, and
// times are as good as the milliseconds that the server keeps.
func same(a, b json.RawMessage) bool {
	var x, y any
	if len(a) > 0 && json.Unmarshal(a, &x) != nil || len(b) > 0 && json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(kept(x), kept(y))
}

// kept returns v with all times as the server keeps them.
func kept(v any) any {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return millis(t)
		}
	case []any:
		for i := range v {
			v[i] = kept(v[i])
		}
	case map[string]any:
		for name, x := range v {
			if v[name] = kept(x); x == nil {
				delete(v, name)
			}
		}
	}
	return v
}
