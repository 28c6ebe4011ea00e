package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"timbre/internal/office"
)

// Usage is what an extension talked with the outside on one day.
type Usage struct {
	Calls int
	Time  time.Duration
}

// dayOf is how a day is kept: its date where the office is.
func dayOf(day time.Time) string { return day.Format(time.DateOnly) }

// AddUsage charges one outside call of that length to account, on the date that
// day has in its location. ErrNotFound: no such account.
func (s *Store) AddUsage(ctx context.Context, account office.ID, day time.Time, talk time.Duration) error {
	return s.write(ctx, func(w *writing) error {
		return affected(w.Exec(`INSERT INTO talk (account, day, calls, millis) SELECT a.id, $1, 1, $2 FROM account a WHERE a.id = $3
			ON CONFLICT (account, day) DO UPDATE SET calls = talk.calls + 1, millis = talk.millis + excluded.millis`,
			dayOf(day), talk.Milliseconds(), account))
	})
}

// Usage returns what account was charged for on the date of day; zero where it
// did not call.
func (s *Store) Usage(ctx context.Context, account office.ID, day time.Time) (Usage, error) {
	var u Usage
	var ms int64
	err := s.db.QueryRow(ctx, "SELECT calls, millis FROM talk WHERE account = $1 AND day = $2", account, dayOf(day)).Scan(&u.Calls, &ms)
	u.Time = time.Duration(ms) * time.Millisecond
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return u, err
}

// usageAge is how long usage is kept: nobody asks for more than today's.
const usageAge = 60 * 24 * time.Hour

// dropUsage removes what is old.
func (s *Store) dropUsage(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM talk WHERE day < $1", dayOf(s.now().Add(-usageAge)))
		return err
	})
}
