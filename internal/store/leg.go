package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// A QualityResult says what became of qualities. A call is in one of Updated,
// NotFound and NotAllowed.
type QualityResult struct {
	SetResult
	NotAllowed []office.ID // the device took no part in them
}

// SetQualities notes in one commit what a device says of its legs of calls in
// account's log, in place of what it said before. ErrStateMismatch: nothing was
// done. ErrNotFound: no such account.
func (s *Store) SetQualities(ctx context.Context, account, device office.ID, ifInState State, all map[office.ID]office.Quality) (QualityResult, error) {
	var res QualityResult
	err := s.write(ctx, func(w *writing) error {
		res = QualityResult{}
		old, err := w.hold(account, TypeCall)
		if err != nil {
			return err
		}
		res.OldState = s.state(old)
		if ifInState != "" && ifInState != res.OldState {
			return ErrStateMismatch
		}
		for _, call := range slices.Sorted(maps.Keys(all)) {
			switch err := w.addQuality(account, call, device, all[call]); {
			case errors.Is(err, office.ErrNotFound):
				res.NotFound = append(res.NotFound, call)
			case errors.Is(err, office.ErrNotAllowed):
				res.NotAllowed = append(res.NotAllowed, call)
			case err != nil:
				return fmt.Errorf("adding quality: %w", err)
			default:
				res.Updated = append(res.Updated, call)
			}
		}
		seq, _, err := position(w.row, account, TypeCall)
		res.NewState = s.state(seq)
		return err
	})
	return res, err
}

// addQuality notes what a device says of its leg of a call. ErrNotFound: the
// account has no such call; ErrNotAllowed: the device took no part in it.
func (w *writing) addQuality(account, call, device office.ID, q office.Quality) error {
	if !call.Valid() {
		return office.ErrNotFound
	}
	var keptLegs, kept string
	var seq int64
	err := w.QueryRow("SELECT legs, quality, modseq FROM call WHERE account = $1 AND id = $2", account, call).Scan(&keptLegs, &kept, &seq)
	if err != nil {
		return found(err)
	}
	var legs []office.CallLeg
	all := map[office.ID]office.Quality{}
	if err := errors.Join(outside(keptLegs, &legs), outside(kept, &all)); err != nil {
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
	_, err = w.Exec("UPDATE call SET quality = $1, modseq = $2 WHERE id = $3", kept, seq, call)
	return err
}
