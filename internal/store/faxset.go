package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"timbre/internal/office"
)

// A FaxSet is a JMAP set call (RFC 8620 §5.3) on faxes.
type FaxSet struct {
	IfInState State        // "" for any
	Create    []office.Fax // as AddFax takes them
	IsNew     map[office.ID]bool
	Cancel    []office.ID
	Destroy   []office.ID
}

// A FaxResult says what became of a FaxSet. A fax is in one of Updated,
// Destroyed, NotFound and Refused for each thing that was asked of it.
type FaxResult struct {
	SetResult
	Created []CreatedFax // in the order of Create
	Refused []office.ID  // what was asked is not done to a fax in its state, or of its direction
}

// A CreatedFax is what AddFax returns.
type CreatedFax struct {
	Fax      office.Fax
	Existing bool
	Err      error // office.ErrFax, office.ErrTooMany or nil
}

// SetFaxes applies set in one commit: first what is made, then what is changed.
// A fax that is as wanted already counts as updated, without a change. Received
// ones alone are new or not; queued and dialing ones can be canceled, and what is
// finished deleted. ErrStateMismatch: nothing was done. ErrNotFound: no such
// account.
func (s *Store) SetFaxes(ctx context.Context, account office.ID, set FaxSet) (FaxResult, error) {
	var res FaxResult
	err := s.write(ctx, func(w *writing) error {
		res = FaxResult{}
		old, err := w.hold(account, TypeFax)
		if err != nil {
			return err
		}
		res.OldState = s.state(old)
		if set.IfInState != "" && set.IfInState != res.OldState {
			return ErrStateMismatch
		}
		for _, f := range set.Create {
			c := CreatedFax{}
			c.Fax, c.Existing, c.Err = s.addFax(w, account, f)
			if c.Err != nil && !errors.Is(c.Err, office.ErrFax) && !errors.Is(c.Err, office.ErrTooMany) {
				return c.Err
			}
			res.Created = append(res.Created, c)
		}
		if err := s.changeFaxes(w, account, set, &res); err != nil {
			return err
		}
		seq, _, err := position(w.row, account, TypeFax)
		res.NewState = s.state(seq)
		return err
	})
	return res, err
}

// changeFaxes does what set asks of faxes that there are.
func (s *Store) changeFaxes(w *writing, account office.ID, set FaxSet, res *FaxResult) error {
	for _, asked := range []struct {
		ids  []office.ID
		done *[]office.ID
		do   func(f faxRow) (ok bool, err error)
	}{
		{slices.Collect(maps.Keys(set.IsNew)), &res.Updated, func(f faxRow) (bool, error) { return w.markFax(account, f, set.IsNew[f.id]) }},
		{set.Cancel, &res.Updated, func(f faxRow) (bool, error) { return w.cancelFax(account, f, s.now()) }},
		{set.Destroy, &res.Destroyed, func(f faxRow) (bool, error) { return s.destroyFax(w, account, f) }},
	} {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(asked.ids))) {
			f, err := w.fax(account, id)
			if errors.Is(err, office.ErrNotFound) {
				res.NotFound = append(res.NotFound, id)
				continue
			}
			if err != nil {
				return err
			}
			ok, err := asked.do(f)
			if err != nil {
				return err
			}
			note(asked.done, &res.Refused, id, ok)
		}
	}
	return nil
}

// A faxRow is what must be known of a fax to change it.
type faxRow struct {
	id, blob office.ID
	ref      sql.NullString
	isNew    bool
	state    office.FaxState
	created  int64
}

// fax returns a fax of account. ErrNotFound: it has none such.
func (w *writing) fax(account, id office.ID) (faxRow, error) {
	if !id.Valid() {
		return faxRow{}, office.ErrNotFound
	}
	f := faxRow{id: id}
	err := w.QueryRow("SELECT blob, client_ref, is_new, state, created_seq FROM fax WHERE account = $1 AND id = $2", account, id).
		Scan(&f.blob, &f.ref, &f.isNew, &f.state, &f.created)
	return f, found(err)
}

// alterFax changes a fax; $1 in set is value.
func (w *writing) alterFax(account office.ID, f faxRow, set string, value any) error {
	seq, err := w.next(account, TypeFax)
	if err != nil {
		return err
	}
	_, err = w.Exec("UPDATE fax SET "+set+", modseq = $2 WHERE id = $3", value, seq, f.id)
	return err
}

// markFax marks a received fax; ok is false where it is none.
func (w *writing) markFax(account office.ID, f faxRow, isNew bool) (ok bool, err error) {
	switch {
	case isNew == f.isNew:
		return true, nil
	case f.state != office.FaxArrived:
		return false, nil
	}
	return true, w.alterFax(account, f, "is_new = $1", isNew)
}

// cancelFax ends a fax that waits; ok is false where it waits no more.
func (w *writing) cancelFax(account office.ID, f faxRow, now time.Time) (ok bool, err error) {
	switch {
	case f.state == office.FaxCanceled:
		return true, nil
	case !f.state.IsCancelable():
		return false, nil
	}
	return true, w.alterFax(account, f, "state = 'canceled', next_at = NULL, lease_until = 0, finished_at = $1", millis(now))
}

// cancelFaxes ends all faxes of account that wait to be sent.
func (w *writing) cancelFaxes(account office.ID, now time.Time) error {
	rows, err := w.Query("SELECT id FROM fax WHERE account = $1 AND next_at IS NOT NULL ORDER BY id", account)
	waiting, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range waiting {
		f, err := w.fax(account, id)
		if err != nil {
			return err
		}
		if _, err := w.cancelFax(account, f, now); err != nil {
			return err
		}
	}
	return nil
}

// destroyFax deletes a fax that is finished, and its pages where no other fax has
// the same; ok is false where it is not finished.
func (s *Store) destroyFax(w *writing, account office.ID, f faxRow) (ok bool, err error) {
	if !f.state.IsFinished() {
		return false, nil
	}
	if _, err := w.Exec("DELETE FROM fax WHERE id = $1", f.id); err != nil {
		return false, err
	}
	r, err := w.Exec("DELETE FROM blob AS b WHERE b.id = $1 AND "+unreferred, f.blob)
	switch err := affected(r, err); {
	case err == nil:
		w.orphans = append(w.orphans, s.blobPath(f.blob))
	case !errors.Is(err, office.ErrNotFound):
		return false, err
	}
	if f.ref.Valid {
		if _, _, err := s.remember(w, account, refKey(f.ref.String), string(f.id), s.now().Add(refAge)); err != nil {
			return false, err
		}
	}
	seq, err := w.next(account, TypeFax)
	if err != nil {
		return false, err
	}
	return true, w.bury(account, TypeFax, f.id, f.created, seq, millis(s.now()))
}
