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

// Remember keeps answer for account (empty: the office) under key until a time,
// also across a restart, and returns it; first is then true. Where something is
// kept there already it returns that, and changes nothing: of several who ask at
// once, on one server or two, one is the first. An answer may be empty.
// key may be anything. ErrNotFound: no such account.
func (s *Store) Remember(ctx context.Context, account office.ID, key, answer string, until time.Time) (kept string, first bool, err error) {
	err = s.write(ctx, func(w *writing) error {
		kept, first, err = s.remember(w, account, key, answer, until)
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("remembering: %w", err)
	}
	return kept, first, nil
}

// remember is Remember in a transaction.
func (s *Store) remember(w *writing, account office.ID, key, answer string, until time.Time) (kept string, first bool, err error) {
	if account != "" {
		var n int
		if err := w.QueryRow("SELECT 1 FROM account WHERE id = $1", account).Scan(&n); err != nil {
			return "", false, found(err)
		}
	}
	// What is over counts as not there. The conflict locks the row, also where nothing is updated.
	r, err := w.Exec(`INSERT INTO memo (account, name, value, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, name) DO UPDATE SET value = excluded.value, until = excluded.until WHERE memo.until <= $5`,
		account, memoName(key), answer, millis(until), millis(s.now()))
	switch err := fresh(r, err); {
	case err == nil:
		return answer, true, nil
	case !errors.Is(err, office.ErrExists):
		return "", false, err
	}
	err = w.QueryRow("SELECT value FROM memo WHERE account = $1 AND name = $2", account, memoName(key)).Scan(&kept)
	return kept, false, err
}

// Recall returns what account keeps under key; ok is false where that is
// nothing.
func (s *Store) Recall(ctx context.Context, account office.ID, key string) (kept string, ok bool, err error) {
	err = s.db.QueryRow(ctx, "SELECT value FROM memo WHERE account = $1 AND name = $2 AND until > $3", account, memoName(key), millis(s.now())).Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return kept, err == nil, err
}

// memoName returns how a key is kept, which a client may have made of any bytes.
func memoName(key string) string { return strconv.QuoteToASCII(key) }

// dropMemos removes what was to be kept until now.
func (s *Store) dropMemos(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM memo WHERE until <= $1", millis(s.now()))
		return err
	})
}
