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
// before the first page of the first full read.
func (m *Mirror) State(ctx context.Context, t Type) (string, error) {
	var s string
	err := m.data().QueryRow(ctx, `SELECT state FROM state WHERE type = $1`, t).Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return s, m.check(err)
}

// Apply makes the changes of a page and takes over its state, all or nothing.
// ErrStale where the mirror is not at p.Since. A full read that goes on is not
// disturbed.
func (m *Mirror) Apply(ctx context.Context, p Page) error {
	kinds := []string{}
	if len(p.Objects)+len(p.Destroyed) > 0 {
		kinds = append(kinds, p.Type.stamp())
	}
	objects := m.Parse(p.Type, p.Objects)
	return m.write(ctx, func(tx *sqldb.Tx) error {
		r, err := tx.Exec(`UPDATE state SET state = $1 WHERE type = $2 AND state = $3 AND state <> ''`, p.State, p.Type, p.Since)
		if err := oneRow(r, err); err != nil {
			return err
		}
		var round int64
		if err := tx.QueryRow(`SELECT round FROM state WHERE type = $1`, p.Type).Scan(&round); err != nil {
			return err
		}
		if err := upsert(tx, p.Type, objects, round); err != nil {
			return err
		}
		if p.Type.IsSingleton() {
			return nil // it is never destroyed
		}
		for _, id := range p.Destroyed {
			if _, err := tx.Exec(`DELETE FROM `+p.Type.table()+` WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	}, kinds...)
}

// oneRow returns ErrStale where a statement met no row.
func oneRow(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrStale)
	}
	return nil
}

// A Read is the place that a full read of one type has reached. It is kept in
// the database: a read that was cut off goes on there, also in another process.
type Read struct {
	Type  Type
	Since string    // the mirror's state when this place was asked for
	After office.ID // the last object that the read has brought; empty: begin with the newest
	round int64
}

// Next returns the place behind a page that is added, or will be, with AddRead(ctx,
// r, state, …, last).
func (r Read) Next(state string, last office.ID) Read {
	if r.After == "" {
		r.Since = state
	}
	r.After = last
	return r
}

// BeginRead returns where to go on with the full read of t; where none is under
// way it begins one. Ask the server for the objects behind After, newest first,
// hand them to AddRead, and call BeginRead again for the next page.
func (m *Mirror) BeginRead(ctx context.Context, t Type) (Read, error) {
	r := Read{Type: t}
	err := m.data().QueryRow(ctx, `SELECT round, state, read_after FROM state WHERE type = $1 AND reading`, t).Scan(&r.round, &r.Since, &r.After)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return r, m.check(err)
	}
	return m.AgainRead(ctx, t)
}

// AgainRead begins a full read of t from the newest object on, whether or not one
// is under way: the mirror's state is too old for the server, or the place of
// the last one is. The old rows stay until the end.
func (m *Mirror) AgainRead(ctx context.Context, t Type) (r Read, err error) {
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		r, err = beginRead(tx, t)
		return err
	})
	return r, err
}

func beginRead(tx *sqldb.Tx, t Type) (Read, error) {
	r := Read{Type: t}
	_, err := tx.Exec(`INSERT INTO state (type, state, round, reading) VALUES ($1, '', 1, true)
		ON CONFLICT (type) DO UPDATE SET round = round + 1, reading = true, read_state = '', read_after = ''`, t)
	if err != nil {
		return r, err
	}
	return r, tx.QueryRow(`SELECT round, state FROM state WHERE type = $1`, t).Scan(&r.round, &r.Since)
}

// Reading reports whether a full read of t is under way, or the first one has
// not begun.
func (m *Mirror) Reading(ctx context.Context, t Type) (bool, error) {
	var reading bool
	err := m.data().QueryRow(ctx, `SELECT reading FROM state WHERE type = $1`, t).Scan(&reading)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return reading, m.check(err)
}

// AddRead adds the next objects of a full read, the last of which is last. state
// is the server's as it was before they were read; from the first page on it is
// the mirror's, so that Apply follows what changes while the read goes on. ErrStale
// where the read or the mirror's state has moved on meanwhile: ask BeginRead.
func (m *Mirror) AddRead(ctx context.Context, r Read, state string, objects Objects, last office.ID) error {
	return m.write(ctx, func(tx *sqldb.Tx) error { return addRead(tx, r, state, objects, last) }, r.Type.stamp())
}

func addRead(tx *sqldb.Tx, r Read, state string, objects Objects, last office.ID) error {
	res, err := tx.Exec(`UPDATE state SET state = CASE WHEN read_state = '' THEN $1 ELSE state END,
			read_state = CASE WHEN read_state = '' THEN $1 ELSE read_state END, read_after = CASE WHEN $2 = '' THEN read_after ELSE $2 END
		WHERE type = $3 AND reading AND round = $4 AND state = $5 AND read_after = $6`, state, last, r.Type, r.round, r.Since, r.After)
	if err := oneRow(res, err); err != nil {
		return err
	}
	return upsert(tx, r.Type, objects, r.round)
}

// EndRead ends a full read: what it did not bring is gone on the server and goes
// here too. ErrStale where another full read began meanwhile.
func (m *Mirror) EndRead(ctx context.Context, r Read) error {
	return m.write(ctx, func(tx *sqldb.Tx) error { return endRead(tx, r) }, r.Type.stamp())
}

func endRead(tx *sqldb.Tx, r Read) error {
	res, err := tx.Exec(`UPDATE state SET reading = false, read_after = '' WHERE type = $1 AND reading AND round = $2 AND read_state <> ''`, r.Type, r.round)
	if err := oneRow(res, err); err != nil {
		return err
	}
	if r.round == 1 || r.Type.IsSingleton() { // nothing is older, or ever gone
		return nil
	}
	if _, err := tx.Exec(`DELETE FROM `+r.Type.table()+` WHERE round < $1`, r.round); err != nil || r.Type == ExtensionType {
		return err
	}
	return sweepParties(tx)
}

// Replace is a full read in one step, for types with few objects: all objects of
// t, and the state as it was before they were read.
func (m *Mirror) Replace(ctx context.Context, t Type, state string, objects []json.RawMessage) error {
	parsed := m.Parse(t, objects)
	return m.write(ctx, func(tx *sqldb.Tx) error {
		r, err := beginRead(tx, t)
		if err == nil {
			err = addRead(tx, r, state, parsed, "")
		}
		if err != nil {
			return err
		}
		return endRead(tx, r)
	}, t.stamp())
}

// Objects are objects of one type as the server sent them. Those of which there
// are very many are parsed, so that the one who writes need not.
type Objects struct {
	bodies []json.RawMessage
	calls  []callObject // instead, where they are calls
}

// Parse returns objects of t ready to be written. One that is not of the form it
// should have is left out: it must not keep the others back.
func (m *Mirror) Parse(t Type, bodies []json.RawMessage) Objects {
	var o Objects
	for _, body := range bodies {
		var err error
		if t == CallType {
			var c callObject
			if err = json.Unmarshal(body, &c); err == nil && c.Quality != nil {
				err = json.Unmarshal(c.Quality, &map[office.ID]office.Quality{})
			}
			if err == nil {
				o.calls = append(o.calls, c)
			}
		} else if err = fits(t, body); err == nil {
			o.bodies = append(o.bodies, body)
		}
		if err != nil {
			m.log.Warn("object not kept", "type", t, "err", err)
		}
	}
	return o
}

// fits returns an error where an object cannot be read as one of t.
func fits(t Type, body json.RawMessage) error {
	into := map[Type]any{
		VoicemailType: &office.Voicemail{}, FaxType: &office.Fax{}, ExtensionType: &office.Entry{},
		VoicemailSettingsType: &office.VoicemailSettings{}, ForwardingSettingsType: &office.ForwardingSettings{},
		CallerIDSettingsType: &office.CallerIDSettings{}, ProfileType: &office.Profile{}, AvailabilityType: &office.Availability{},
	}[t]
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// upsert writes objects, whether they are new or not.
func upsert(tx *sqldb.Tx, t Type, objects Objects, round int64) error {
	w := &writing{tx: tx, round: round, parties: map[office.Party]int64{}}
	if err := w.all(t, objects); err != nil {
		return fmt.Errorf("keeping a %s: %w", t, err)
	}
	return w.index()
}

func (w *writing) all(t Type, objects Objects) error {
	if len(objects.calls) > 0 {
		return w.calls(objects.calls)
	}
	write := map[Type]func(json.RawMessage) error{VoicemailType: w.voicemail, FaxType: w.fax, ExtensionType: w.extension}[t]
	for _, body := range objects.bodies {
		var err error
		if write != nil {
			err = write(body)
		} else {
			_, err = w.tx.Exec(`INSERT INTO setting (type, round, body) VALUES ($1, $2, $3)
				ON CONFLICT (type) DO UPDATE SET round = excluded.round, body = excluded.body`, t, w.round, string(body))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A writing is one run of upsert.
type writing struct {
	tx      *sqldb.Tx
	round   int64
	parties map[office.Party]int64 // that it met
	fresh   []office.Party         // those of them that are not in the index yet
	met     bool                   // parties holds all of the page that the database knows
}
