package officetest

import (
	"testing"
	"time"
)

// A sender in slow start says 10 segments, then twice as many each round trip.
func TestFlowIsInSlowStart(t *testing.T) {
	const trip = 100 * time.Millisecond
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := flow{trip: trip, window: firstWindow, now: begin}
	for segment, trips := range map[int]int{0: 0, 9: 0, 10: 1, 29: 1, 30: 2, 69: 2, 70: 3} {
		f := f
		var at time.Time
		for range segment + 1 {
			at = f.depart(begin, segmentSize)
		}
		if got := at.Sub(begin); got != time.Duration(trips)*trip {
			t.Errorf("segment %d leaves after %v; want %d round trips", segment, got, trips)
		}
	}
	if at := f.depart(begin.Add(-time.Hour), 1); !at.Equal(begin) {
		t.Errorf("something left before the connection was there: %v", at)
	}
	later := begin.Add(time.Minute)
	if at := f.depart(later, segmentSize); !at.Equal(later) {
		t.Errorf("what nothing holds up leaves %v later", at.Sub(later))
	}
}

func TestEarlierStates(t *testing.T) {
	for _, c := range []struct {
		state string
		n     int
		want  string // empty: none
	}{
		{"epoch.500", 100, "epoch.400"},
		{"epoch.500", 500, "epoch.0"},
		{"epoch.500", 501, ""},
		{"500", 1, "499"},
		{"epoch", 1, ""},
	} {
		if got, err := earlier(c.state, c.n); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%d before %q: %q, %v", c.n, c.state, got, err)
		}
	}
}
