package mail

import "time"

// The times between the tries of one letter.
const (
	firstRetry = time.Minute
	lastRetry  = 4 * time.Hour
	// patience is how long a letter is tried, and leastTries how often at least: a
	// server that was off for days has tried nothing.
	patience   = 48 * time.Hour
	leastTries = 8
)

// next returns when a letter that was written at created and has failed so many
// times is tried again; false where it is given up.
func next(created, now time.Time, attempts int) (time.Time, bool) {
	wait := lastRetry
	if attempts < 9 { // 2^8 min is more than lastRetry
		wait = min(firstRetry<<max(attempts-1, 0), lastRetry)
	}
	at := now.Add(wait)
	return at, at.Sub(created) <= patience || attempts < leastTries
}
