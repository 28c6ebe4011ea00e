package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"timbre/internal/office"
)

// A Type is a kind of rows that clients follow.
type Type string

// The types of the change feed.
const (
	TypeVoicemail          Type = "Voicemail"
	TypeCall               Type = "Call"
	TypeFax                Type = "Fax"
	TypeExtension          Type = "Extension" // the directory: the same for all accounts
	TypeVoicemailSettings  Type = "VoicemailSettings"
	TypeForwardingSettings Type = "ForwardingSettings"
	TypeCallerIDSettings   Type = "CallerIdSettings"
	TypeProfile            Type = "Profile"
	TypeAvailability       Type = "Availability"
)

// tables says where the rows of each type are; empty: each account has one
// object, the singleton.
var tables = map[Type]string{
	TypeVoicemail: "voicemail", TypeCall: "call", TypeFax: "fax", TypeExtension: "entry",
	TypeVoicemailSettings: "", TypeForwardingSettings: "", TypeCallerIDSettings: "", TypeProfile: "", TypeAvailability: "",
}

// A State is an opaque mark in an account's changes of one type.
type State string

// The errors of the change feed.
const (
	ErrCannotCalculate office.Error = "cannotCalculateChanges" // the client must read everything again
	ErrStateMismatch   office.Error = "stateMismatch"
)

// Changes says what changed between two states.
type Changes struct {
	OldState, NewState          State
	HasMore                     bool
	Created, Updated, Destroyed []office.ID
}

// MaxPage is the most that one query or one list of changes returns.
const MaxPage = 500

// A move is a step of the changes of one type in an account.
type move struct {
	account office.ID
	t       Type
}

// next hands out the next change number of account, for a row of type t, in the
// transaction that writes it; the row lock on the account keeps others from
// committing in between, so that who has seen number k has seen all before it.
// ErrNotFound: no such account.
func (w *writing) next(account office.ID, t Type) (seq int64, err error) {
	err = w.QueryRow("UPDATE account SET modseq = modseq + 1 WHERE id = $1 RETURNING modseq", account).Scan(&seq)
	if err != nil {
		return 0, found(err)
	}
	_, err = w.Exec(`INSERT INTO feed (account, type, modseq, floor) VALUES ($1, $2, $3, 0)
		ON CONFLICT (account, type) DO UPDATE SET modseq = excluded.modseq`, account, t, seq)
	w.moved = append(w.moved, move{account, t})
	return seq, err
}

// step is next for who does not need the number, which account's row has until the
// next one is handed out: two plain statements cost half of what a query costs.
func (w *writing) step(account office.ID, t Type) error {
	if err := affected(w.Exec("UPDATE account SET modseq = modseq + 1 WHERE id = $1", account)); err != nil {
		return err
	}
	_, err := w.Exec(`INSERT INTO feed (account, type, modseq, floor) SELECT id, $1, modseq, 0 FROM account WHERE id = $2
		ON CONFLICT (account, type) DO UPDATE SET modseq = excluded.modseq`, t, account)
	w.moved = append(w.moved, move{account, t})
	return err
}

// touch moves the states of type t of accounts, whose singletons changed.
func (w *writing) touch(t Type, accounts ...office.ID) error {
	for _, a := range accounts {
		if _, err := w.next(a, t); err != nil {
			return err
		}
	}
	return nil
}

// touchAll moves the states of types of all accounts that have an extension.
func (w *writing) touchAll(types ...Type) error {
	rows, err := w.Query("SELECT account FROM extension ORDER BY account")
	all, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, t := range types {
		if err := w.touch(t, all...); err != nil {
			return err
		}
	}
	return nil
}

// bury writes the tombstone of a deleted row.
func (w *writing) bury(account office.ID, t Type, id office.ID, created, seq, now int64) error {
	_, err := w.Exec("INSERT INTO tombstone (account, type, id, created_seq, modseq, deleted_at) VALUES ($1, $2, $3, $4, $5, $6)",
		account, t, id, created, seq, now)
	return err
}

// loadEpoch reads the epoch of the data, made when the data are.
func (s *Store) loadEpoch(ctx context.Context) error {
	err := s.write(ctx, func(w *writing) error {
		_, err := w.Exec("INSERT INTO meta (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO NOTHING", office.NewID())
		return err
	})
	if err != nil {
		return err
	}
	return s.db.QueryRow(ctx, "SELECT value FROM meta WHERE name = 'epoch'").Scan(&s.epoch)
}

// Nothing is the state of who knows nothing yet: all that there is was created
// since.
const Nothing State = office.NoState

// reading ends the states of who began with Nothing and has not read everything.
const reading = "+"

func (s *Store) state(seq int64) State { return State(s.epoch + "." + strconv.FormatInt(seq, 10)) }

// parse returns the number in a state of this epoch, and whether who is there
// knows nothing that was deleted before that number.
func (s *Store) parse(st State) (seq int64, fresh, ok bool) {
	if st == Nothing {
		return 0, true, true
	}
	rest, ok := strings.CutPrefix(string(st), s.epoch+".")
	if !ok {
		return 0, false, false
	}
	rest, fresh = strings.CutSuffix(rest, reading)
	seq, err := strconv.ParseInt(rest, 10, 64)
	return seq, fresh || seq == 0, err == nil && seq >= 0
}

// rower reads one row: a Store's database or a transaction.
type rower func(query string, args ...any) scanner

// A scanner is a row that is read.
type scanner interface{ Scan(into ...any) error }

// position returns the last change of type t and the last one whose tombstones
// are gone. ErrNotFound: no such account.
func position(row rower, account office.ID, t Type) (seq, floor int64, err error) {
	err = row(`SELECT coalesce(f.modseq, 0), coalesce(f.floor, 0)
		FROM account a LEFT JOIN feed f ON f.account = $1 AND f.type = $2 WHERE a.id = $3`, feedOf(account, t), t, account).Scan(&seq, &floor)
	return seq, floor, found(err)
}

func (s *Store) row(ctx context.Context) rower {
	return func(query string, args ...any) scanner { return s.db.QueryRow(ctx, query, args...) }
}

func (w *writing) row(query string, args ...any) scanner { return w.QueryRow(query, args...) }

// State returns the state of the rows of type t. ErrNotFound: no such account.
func (s *Store) State(ctx context.Context, account office.ID, t Type) (State, error) {
	seq, _, err := position(s.row(ctx), account, t)
	if err != nil {
		return "", err
	}
	return s.state(seq), nil
}

// States returns the states of all types. ErrNotFound: no such account.
func (s *Store) States(ctx context.Context, account office.ID) (map[Type]State, error) {
	rows, err := s.db.Query(ctx, `SELECT coalesce(f.type, ''), coalesce(f.modseq, 0)
		FROM account a LEFT JOIN feed f ON f.account IN (a.id, $1) WHERE a.id = $2`, directory, account)
	type state struct {
		is  Type
		seq int64
	}
	all, err := collect(rows, err, func(r *sql.Rows) (st state, err error) { return st, r.Scan(&st.is, &st.seq) })
	if err != nil {
		return nil, found(err)
	}
	if len(all) == 0 {
		return nil, office.ErrNotFound
	}
	out := make(map[Type]State, len(tables))
	for t := range tables { // what never changed has no row
		out[t] = s.state(0)
	}
	for _, st := range all {
		if _, ok := tables[st.is]; ok {
			out[st.is] = s.state(st.seq)
		}
	}
	return out, nil
}

// Changes returns what changed after since, oldest change first, at most limit
// ids (0: MaxPage). From Nothing it returns all that there is, in pages.
// ErrCannotCalculate: since is of another epoch or too old.
func (s *Store) Changes(ctx context.Context, account office.ID, t Type, since State, limit int) (Changes, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	table, ok := tables[t]
	if !ok {
		return Changes{}, errors.New("no such type: " + string(t))
	}
	from, fresh, ok := s.parse(since)
	if !ok {
		return Changes{}, ErrCannotCalculate
	}
	seq, floor, err := position(s.row(ctx), account, t)
	if err != nil {
		return Changes{}, err
	}
	if from > seq || !fresh && from < floor && from < seq {
		return Changes{}, ErrCannotCalculate
	}
	c := Changes{OldState: since, NewState: s.state(seq)}
	if from == seq {
		return c, nil
	}
	if table == "" {
		c.Updated = []office.ID{office.Singleton}
		return c, nil
	}
	// What changes again after seq was read is left to the next call.
	rows, err := s.db.Query(ctx, `SELECT id, created_seq, modseq, FALSE FROM (SELECT id, created_seq, modseq FROM `+table+`
			WHERE account = $1 AND modseq > $2 AND modseq <= $3 ORDER BY modseq LIMIT $4) AS alive
		UNION ALL SELECT id, created_seq, modseq, TRUE FROM (SELECT id, created_seq, modseq FROM tombstone
			WHERE account = $1 AND type = $5 AND modseq > $2 AND modseq <= $3 ORDER BY modseq LIMIT $4) AS dead
		ORDER BY modseq`, feedOf(account, t), from, seq, limit+1, t)
	all, err := collect(rows, err, scanChange)
	if err != nil {
		return Changes{}, err
	}
	if len(all) > limit {
		all = all[:limit]
		c.HasMore, c.NewState = true, s.state(all[limit-1].seq)
		if fresh { // what was buried and forgotten long ago was never told
			c.NewState += reading
		}
	}
	for _, e := range all {
		switch {
		case !e.dead && e.created > from:
			c.Created = append(c.Created, e.id)
		case !e.dead:
			c.Updated = append(c.Updated, e.id)
		case e.created <= from: // what came and went in between is not worth a word
			c.Destroyed = append(c.Destroyed, e.id)
		}
	}
	return c, nil
}

// A change is one entry of the feed.
type change struct {
	id           office.ID
	created, seq int64
	dead         bool
}

func scanChange(r *sql.Rows) (c change, err error) {
	err = r.Scan(&c.id, &c.created, &c.seq, &c.dead)
	return c, err
}
