package softphone

import (
	"slices"
	"testing"
)

func TestEventsComeInOrderAndNoneIsLost(t *testing.T) {
	e := newEvents()
	var got []int
	done := make(chan struct{})
	go func() { defer close(done); e.run() }()
	for i := range 1000 {
		e.post(func() { got = append(got, i) })
	}
	e.close()
	<-done
	if len(got) != 1000 || !slices.IsSorted(got) {
		t.Errorf("%d events, in order: %v", len(got), slices.IsSorted(got))
	}
	e.post(func() { t.Error("an event after the end") })
}

func TestAnEventMayPostAnother(t *testing.T) {
	e := newEvents()
	second := false
	e.post(func() {
		e.post(func() { second = true })
		e.close()
	})
	e.run()
	if !second {
		t.Error("the second event was lost")
	}
}
