package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// inside returns v, of n elements, as it is kept inside a call's row: JSON,
// empty for nothing.
func inside(v any, n int) (string, error) {
	if n == 0 {
		return "", nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// outside reads what inside returned into v.
func outside(kept string, v any) error {
	if kept == "" {
		return nil
	}
	return json.Unmarshal([]byte(kept), v)
}

// CallLegs returns the legs of those of the calls ids that are in account's log
// and have any.
func (s *Store) CallLegs(ctx context.Context, account office.ID, ids ...office.ID) (map[office.ID][]office.CallLeg, error) {
	if ids = valid(ids); len(ids) == 0 {
		return nil, nil
	}
	type call struct {
		id   office.ID
		legs []office.CallLeg
	}
	// Without the account in the statement: SQLite would search all that the account has.
	rows, err := s.db.Query(ctx, "SELECT account, id, legs FROM call WHERE outcome <> '' AND legs <> '' AND id IN ("+
		sqldb.Placeholders(1, len(ids))+")", sqldb.Args(ids)...)
	all, err := collectOf(account, rows, err, func(r *sql.Rows) (owner office.ID, c call, err error) {
		var kept string
		if err := r.Scan(&owner, &c.id, &kept); err != nil {
			return "", c, err
		}
		return owner, c, outside(kept, &c.legs)
	})
	out := make(map[office.ID][]office.CallLeg, len(all))
	for _, c := range all {
		out[c.id] = c.legs
	}
	return out, err
}

// AddQuality notes what a device says of its leg of a call in account's log, in
// place of what it said before. ErrNotFound: the account has no such call;
// ErrNotAllowed: the device took no part in it.
func (s *Store) AddQuality(ctx context.Context, account, call, device office.ID, q office.Quality) error {
	if !call.Valid() {
		return office.ErrNotFound
	}
	return s.write(ctx, func(w *writing) error {
		if _, err := w.hold(account, TypeCall); err != nil {
			return err
		}
		var keptLegs, kept string
		var seq int64
		err := w.QueryRow("SELECT legs, quality, modseq FROM call WHERE account = $1 AND id = $2", account, call).Scan(&keptLegs, &kept, &seq)
		if err != nil {
			return found(err)
		}
		var legs []office.CallLeg
		all := map[office.ID]office.Quality{}
		if err := outside(keptLegs, &legs); err != nil {
			return err
		}
		if err := outside(kept, &all); err != nil {
			return err
		}
		if device == "" || !slices.ContainsFunc(legs, func(l office.CallLeg) bool { return l.DeviceID == device }) {
			return office.ErrNotAllowed
		}
		if all[device] == q {
			return nil
		}
		all[device] = q
		if kept, err = inside(all, len(all)); err != nil {
			return err
		}
		if seq > 0 { // a live row is in nobody's log yet
			if seq, err = w.next(account, TypeCall); err != nil {
				return err
			}
		}
		if _, err := w.Exec("UPDATE call SET quality = $1, modseq = $2 WHERE id = $3", kept, seq, call); err != nil {
			return fmt.Errorf("adding quality: %w", err)
		}
		return nil
	})
}
