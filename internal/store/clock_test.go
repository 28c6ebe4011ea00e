package store

import (
	"testing"
	"time"
)

func TestDoubtedClock(t *testing.T) {
	start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const day = 24 * time.Hour
	type step struct {
		ran, shown time.Duration // since the last step, in truth and by the clock
		doubted    bool
		left       time.Duration
	}
	for what, c := range map[string]struct {
		away    time.Duration // since a server ran last; 0: none ever did
		doubted bool
		steps   []step
	}{
		"a first start":       {0, false, []step{{day, day, false, 0}}},
		"a short stop":        {time.Minute, false, []step{{time.Minute, time.Minute, false, 0}}},
		"a month away":        {30 * day, false, nil},
		"a year away":         {365 * day, true, []step{{time.Hour, time.Hour, false, 23 * time.Hour}, {23 * time.Hour, 23 * time.Hour, false, 0}, {day, day, false, 0}}},
		"set ahead":           {time.Minute, false, []step{{time.Minute, 100 * day, true, day}, {day, day, false, 0}}},
		"set back":            {time.Minute, false, []step{{time.Minute, -100 * day, false, 0}}},
		"summer time":         {time.Minute, false, []step{{time.Minute, time.Hour + time.Minute, false, 0}}},
		"ahead of all before": {-365 * day, false, nil},
		"asleep with its host": { // the time that nobody sets may stand still then
			time.Minute, false, []step{{time.Minute, 3 * day, false, 0}},
		},
	} {
		var w clockwatch
		var alive time.Time
		if c.away != 0 {
			alive = start.Add(-c.away)
		}
		wall, runs := start, start.Add(12345*time.Hour)
		if got := w.start(wall, runs, alive); got != c.doubted || got != (w.left > 0) {
			t.Errorf("%s: doubted %t, left %v", what, got, w.left)
		}
		for i, s := range c.steps {
			wall, runs = wall.Add(s.shown), runs.Add(s.ran)
			if got := w.tick(wall, runs); got != s.doubted || w.left != s.left {
				t.Errorf("%s, step %d: doubted %t, left %v", what, i+1, got, w.left)
			}
		}
	}
}
