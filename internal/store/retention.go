package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"timbre/internal/office"
)

// A Retention is how long the call log and the messages of all accounts are
// kept; zero: until somebody deletes them.
type Retention struct {
	Calls     time.Duration
	Voicemail time.Duration // heard or not
}

// The rows of meta that hold a Retention, in milliseconds.
const (
	retainCalls     = "retain.calls"
	retainVoicemail = "retain.voicemail"
)

// Retention returns how long what is kept for.
func (s *Store) Retention(ctx context.Context) (r Retention, err error) {
	calls, err := s.metaNumber(ctx, retainCalls)
	if err != nil {
		return r, err
	}
	voicemail, err := s.metaNumber(ctx, retainVoicemail)
	return Retention{time.Duration(calls) * time.Millisecond, time.Duration(voicemail) * time.Millisecond}, err
}

// SetRetention changes it. What is too old then goes with the next
// housekeeping, within the hour.
func (s *Store) SetRetention(ctx context.Context, r Retention) error {
	return s.write(ctx, func(w *writing) error {
		if err := w.setMeta(retainCalls, strconv.FormatInt(r.Calls.Milliseconds(), 10)); err != nil {
			return err
		}
		return w.setMeta(retainVoicemail, strconv.FormatInt(r.Voicemail.Milliseconds(), 10))
	})
}

// retain deletes the calls and messages that are too old, as their users could:
// their phones are told.
func (s *Store) retain(ctx context.Context) error {
	r, err := s.Retention(ctx)
	if err != nil {
		return err
	}
	if r.Calls > 0 {
		err := s.dropOld(ctx, "SELECT id FROM call WHERE account = $1 AND started_at < $2 AND outcome <> '' ORDER BY started_at LIMIT $3",
			r.Calls, s.destroyCall)
		if err != nil {
			return fmt.Errorf("removing old calls: %w", err)
		}
	}
	if r.Voicemail > 0 {
		err := s.dropOld(ctx, "SELECT id FROM voicemail WHERE account = $1 AND received_at < $2 ORDER BY received_at LIMIT $3",
			r.Voicemail, s.destroyVoicemail)
		if err != nil {
			return fmt.Errorf("removing old voicemail: %w", err)
		}
	}
	return nil
}

// maxDrop bounds how many rows go in one commit: calls go on meanwhile.
const maxDrop = 200

// dropOld destroys what query finds of each account that is older than age.
func (s *Store) dropOld(ctx context.Context, query string, age time.Duration, destroy func(w *writing, account, id office.ID) (bool, error)) error {
	rows, err := s.db.Query(ctx, "SELECT id FROM account ORDER BY id")
	accounts, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		for n := maxDrop; n == maxDrop; {
			rows, err := s.db.Query(ctx, query, account, millis(s.now().Add(-age)), maxDrop)
			old, err := collect(rows, err, scanID)
			if err != nil {
				return err
			}
			if n = len(old); n == 0 {
				break
			}
			if err := s.write(ctx, func(w *writing) error { return destroyAll(w, account, old, destroy) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// destroyAll destroys those of ids that account still has.
func destroyAll(w *writing, account office.ID, ids []office.ID, destroy func(w *writing, account, id office.ID) (bool, error)) error {
	if _, err := w.hold(account, TypeCall); err != nil {
		if errors.Is(err, office.ErrNotFound) { // it was purged meanwhile
			return nil
		}
		return err
	}
	for _, id := range ids {
		if _, err := destroy(w, account, id); err != nil {
			return err
		}
	}
	return nil
}

// destroyCall deletes a call from the log; ok is false where account has none
// such.
func (s *Store) destroyCall(w *writing, account, id office.ID) (ok bool, err error) {
	var created int64
	err = w.QueryRow("DELETE FROM call WHERE account = $1 AND id = $2 RETURNING created_seq", account, id).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	seq, err := w.next(account, TypeCall)
	if err != nil {
		return false, err
	}
	return true, w.bury(account, TypeCall, id, created, seq, millis(s.now()))
}
