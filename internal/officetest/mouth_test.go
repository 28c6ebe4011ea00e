package officetest

import (
	"testing"
	"time"
)

// A line that is 83 ms long, loses every fifth click and is not silent in between.
func TestMouthToEarKnowsTheDelay(t *testing.T) {
	m := newMouthToEar(0)
	const delay = 83 * time.Millisecond
	now := time.Now().Add(-time.Minute)
	m.warmed = now
	line := make([]int16, clickRate*int(delay/time.Millisecond)/1000)
	frame := make([]int16, clickRate/100)
	clicks, quiet := 0, true
	for range 3000 {
		m.say(now, frame)
		if speaks := frame[1] != 0; speaks == quiet {
			if quiet = !speaks; speaks {
				clicks++
			}
		}
		if clicks%5 == 0 {
			clear(frame)
		}
		line = append(line, frame...)
		now = now.Add(10 * time.Millisecond)
		for i, s := range line[:len(frame)] {
			frame[i] = s/2 + int16(i%7*100)
		}
		line = line[len(frame):]
		m.hear(now, frame)
	}
	all, lost := m.delays()
	if len(all) < 50 || lost != clicks/5 || len(all)+lost != clicks {
		t.Errorf("of %d clicks %d were heard, %d lost", clicks, len(all), lost)
	}
	for _, d := range []time.Duration{all[0], all[len(all)-1]} {
		if d < delay-time.Millisecond || d > delay+2*time.Millisecond {
			t.Errorf("a click took %v", d)
		}
	}
}
