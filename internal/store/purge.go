package store

import (
	"context"
	"errors"
	"fmt"

	"timbre/internal/office"
)

// maxDelete bounds how many rows one statement deletes, so that calls go on
// meanwhile.
const maxDelete = 1000

// purgeAccounts deletes what removed extensions left, when its time is over.
func (s *Store) purgeAccounts(ctx context.Context) error {
	rows, err := s.db.Query(ctx, "SELECT id FROM account WHERE purge_at <= $1", millis(s.now()))
	due, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, account := range due {
		if err := s.purge(ctx, account); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
	}
	return nil
}

// purge deletes all that an account without extension kept, and the account: in
// pieces what there may be much of, then the rest in one commit. Where it is
// stopped it can be done again.
func (s *Store) purge(ctx context.Context, account office.ID) error {
	for _, table := range []string{
		"call WHERE id IN (SELECT id FROM call",
		"tombstone WHERE (account, type, modseq) IN (SELECT account, type, modseq FROM tombstone",
	} {
		if err := s.deleteMany(ctx, "DELETE FROM "+table+" WHERE account = $1 LIMIT $2)", account); err != nil {
			return err
		}
	}
	return s.write(ctx, func(w *writing) error { return s.purgeRest(w, account) })
}

// deleteMany runs a statement whose last argument bounds how many rows it
// deletes until none are left.
func (s *Store) deleteMany(ctx context.Context, statement string, args ...any) error {
	for n := int64(maxDelete); n == maxDelete; {
		err := s.write(ctx, func(w *writing) error {
			r, err := w.Exec(statement, append(args[:len(args):len(args)], maxDelete)...)
			if err != nil {
				return err
			}
			n, err = r.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// purgeRest deletes what is left of an account, with its files, and the account.
func (s *Store) purgeRest(w *writing, account office.ID) error {
	if _, err := w.hold(account, TypeCall); err != nil { // what is added meanwhile finds no account, or is there already
		if errors.Is(err, office.ErrNotFound) { // another server was first
			return nil
		}
		return err
	}
	rows, err := w.Query("SELECT id FROM blob WHERE account = $1", account)
	blobs, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range blobs {
		w.orphans = append(w.orphans, s.blobPath(id))
	}
	rows, err = w.Query("SELECT id FROM voicemail WHERE account = $1 UNION ALL SELECT id FROM recording WHERE account = $1", account)
	masters, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, id := range masters {
		w.orphans = append(w.orphans, s.MasterPath(id))
	}
	for _, table := range []string{"voicemail", "fax", "blob", "recording", "call", "talk", "mail", "memo", "tombstone", "feed"} {
		if _, err := w.Exec("DELETE FROM "+table+" WHERE account = $1", account); err != nil {
			return err
		}
	}
	_, err = w.Exec("DELETE FROM account WHERE id = $1", account)
	return err
}
