package api

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"timbre/internal/office"
)

func TestClicksAreForgottenAfterADay(t *testing.T) {
	c, n := newClicks(), 0
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	do := func() (office.ID, error) { n++; return office.ID(fmt.Sprint(n)), nil }
	for _, tt := range []struct {
		after time.Duration
		want  office.ID
	}{
		{0, "1"},
		{24*time.Hour - time.Second, "1"},
		{24 * time.Hour, "2"},
	} {
		if id, err := c.once(t.Context(), "a", "k", wish{"102", "all"}, begun.Add(tt.after), do); err != nil || id != tt.want {
			t.Errorf("after %s: %s, %v, want %s", tt.after, id, err, tt.want)
		}
	}
}

func TestMemoryOfClicksIsBounded(t *testing.T) {
	c := newClicks()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	do := func() (office.ID, error) { return "x", nil }
	for i := range 3 * maxClicks {
		at = at.Add(clickSpan / maxInSpan)
		if _, err := c.once(t.Context(), "a", fmt.Sprint(i), wish{}, at, do); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if len(c.of["a"]) != maxClicks {
		t.Errorf("%d are remembered", len(c.of["a"]))
	}
	for i := range maxInSpan {
		c.once(t.Context(), "b", fmt.Sprint(i), wish{}, at, do)
	}
	if _, err := c.once(t.Context(), "b", "more", wish{}, at.Add(clickSpan-1), do); !errors.Is(err, office.ErrTooMany) {
		t.Errorf("%v", err)
	}
	if _, err := c.once(t.Context(), "b", "later", wish{}, at.Add(clickSpan), do); err != nil {
		t.Errorf("%v", err)
	}
}

func TestAClickThatPanicsHoldsNobodyUp(t *testing.T) {
	c := newClicks()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	func() {
		defer func() { recover() }()
		c.once(t.Context(), "a", "k", wish{}, now, func() (office.ID, error) { panic("broken") })
	}()
	if id, err := c.once(t.Context(), "a", "k", wish{}, now, func() (office.ID, error) { return "x", nil }); id != "x" || err != nil {
		t.Errorf("%s, %v", id, err)
	}
}
