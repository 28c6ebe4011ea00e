package media

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	p := NewPacer(start, ms(20))
	for _, c := range []struct {
		now  int // ms after the start
		n    int64
		wait int // ms
	}{
		{-5, 0, 5},
		{0, 1, 20},
		{21, 2, 19},
		{45, 3, 15},
		{85, 4, -5}, // late, but its successor is not due yet
		{85, 5, 15},
		{200, 10, 0}, // 6 to 9 are lost
		{201, 11, 19},
	} {
		n, wait := p.Next(start.Add(ms(c.now)))
		if n != c.n || wait != ms(c.wait) {
			t.Errorf("at %d ms: frame %d in %v, want %d in %d ms", c.now, n, wait, c.n, c.wait)
		}
	}
}
