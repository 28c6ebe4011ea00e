package store

import "time"

// maxLeap is how long no server may have run, or how far the clock may jump,
// before it is the clock that is doubted: it must not end what is kept for good.
const maxLeap = 30 * 24 * time.Hour

// holdTime is how long a server must run on a doubted clock before it is
// believed.
const holdTime = 24 * time.Hour

// A clockwatch says for how long the clock is still doubted.
type clockwatch struct {
	left time.Duration // to run until it is believed; 0: it is

	wall time.Time // of the last tick, by the clock
	runs time.Time // of the last tick, by a time that nobody sets
}

// start begins to watch at now, with a time that nobody sets. It reports whether
// the clock is doubted from now on: a server last ran at alive, the zero Time if
// none ever did.
func (c *clockwatch) start(now, runs, alive time.Time) (doubted bool) {
	c.wall, c.runs = now, runs
	if alive.IsZero() || now.Sub(alive) <= maxLeap {
		return false
	}
	c.left = holdTime
	return true
}

// tick is start for every further time.
func (c *clockwatch) tick(now, runs time.Time) (doubted bool) {
	ran := runs.Sub(c.runs)
	c.left = max(0, c.left-ran)
	if now.Round(0).Sub(c.wall.Round(0))-ran > maxLeap {
		c.left, doubted = holdTime, true
	}
	c.wall, c.runs = now, runs
	return doubted
}
