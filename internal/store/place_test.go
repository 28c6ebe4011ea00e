package store

import "testing"

func TestFewPlacesAreRemembered(t *testing.T) {
	var l places
	for i := range 3 * maxPlaces {
		l.note(place{seq: int64(i)}, i)
		l.note(place{seq: int64(i)}, i)
	}
	if len(l.of) != maxPlaces || len(l.order) != maxPlaces {
		t.Errorf("%d are remembered, in %d", len(l.of), len(l.order))
	}
	if n, ok := l.find(place{seq: 3*maxPlaces - 1}); n != 3*maxPlaces-1 || !ok {
		t.Errorf("the last: %d, %t", n, ok)
	}
	if _, ok := l.find(place{seq: 0}); ok {
		t.Error("the first is still remembered")
	}
}
