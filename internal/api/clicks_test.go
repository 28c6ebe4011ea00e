package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A clicker is an account that clicks at a time of the test's choice.
type clicker struct {
	*clicks
	account office.ID
	at      time.Time
	dialled int
}

// newClicker returns the clicks of the account of an office whose data is in dir.
func newClicker(t *testing.T, dir string, at time.Time) *clicker {
	t.Helper()
	c := &clicker{at: at}
	kept, err := store.Open(t.Context(), store.Config{Dir: dir, Now: func() time.Time { return c.at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	e, err := kept.Extension(t.Context(), "101")
	if errors.Is(err, office.ErrNotFound) {
		e, err = kept.AddExtension(t.Context(), office.Extension{Number: "101", Name: "Ana"}, "none")
	}
	if err != nil {
		t.Fatal(err)
	}
	c.clicks, c.account = newClicks(kept, slog.New(slog.NewTextHandler(t.Output(), nil))), e.Account
	return c
}

// click asks for a call with a key; err is what comes of one that was not asked for
// before.
func (c *clicker) click(ctx context.Context, key string, w wish, err error) (office.ID, error) {
	return c.once(ctx, clickKey{c.account, key}, w, c.at, func() (office.ID, error) {
		c.dialled++
		return office.ID(fmt.Sprint(c.dialled)), err
	})
}

var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestClicksAreForgottenAfterADay(t *testing.T) {
	c := newClicker(t, t.TempDir(), begun)
	for _, tt := range []struct {
		after time.Duration
		want  office.ID
	}{
		{0, "1"},
		{24*time.Hour - time.Second, "1"},
		{24 * time.Hour, "2"},
	} {
		c.at = begun.Add(tt.after)
		if id, err := c.click(t.Context(), "k", wish{"102", "all"}, nil); err != nil || id != tt.want {
			t.Errorf("after %s: %s, %v, want %s", tt.after, id, err, tt.want)
		}
	}
}

// TestClicksAreKnownAfterARestart: what was granted and what was refused.
func TestClicksAreKnownAfterARestart(t *testing.T) {
	dir := t.TempDir()
	c := newClicker(t, dir, begun)
	c.click(t.Context(), "granted", wish{"102", "all"}, nil)
	c.click(t.Context(), "refused", wish{"103", "all"}, fmt.Errorf("calling: %w", office.ErrNotAllowed))
	c.click(t.Context(), "later", wish{"104", "all"}, office.ErrUnavailable)
	if err := c.store.Close(); err != nil {
		t.Fatal(err)
	}
	c = newClicker(t, dir, begun)
	if id, err := c.click(t.Context(), "granted", wish{"102", "all"}, nil); id != "1" || err != nil {
		t.Errorf("granted: %s, %v", id, err)
	}
	if _, err := c.click(t.Context(), "granted", wish{"102", "others"}, nil); !errors.Is(err, errOtherWish) {
		t.Errorf("another wish: %v", err)
	}
	if _, err := c.click(t.Context(), "refused", wish{"103", "all"}, nil); !errors.Is(err, office.ErrNotAllowed) {
		t.Errorf("refused: %v", err)
	}
	if c.dialled != 0 {
		t.Errorf("dialled %d times", c.dialled)
	}
	if _, err := c.click(t.Context(), "later", wish{"104", "all"}, nil); err != nil || c.dialled != 1 {
		t.Errorf("what could not be served: %v, dialled %d times", err, c.dialled)
	}
}

func TestClicksWithinAMinute(t *testing.T) {
	c := newClicker(t, t.TempDir(), begun)
	for i := range maxInSpan {
		if _, err := c.click(t.Context(), fmt.Sprint(i), wish{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.at = begun.Add(clickSpan - 1)
	if _, err := c.click(t.Context(), "more", wish{}, nil); !errors.Is(err, office.ErrTooMany) {
		t.Errorf("%v", err)
	}
	if id, err := c.click(t.Context(), "0", wish{}, nil); id != "1" || err != nil {
		t.Errorf("one that is known: %s, %v", id, err)
	}
	c.at = begun.Add(clickSpan)
	if _, err := c.click(t.Context(), "more", wish{}, nil); err != nil {
		t.Errorf("later: %v", err)
	}
	if n := len(c.recent[c.account]); n != 1 || len(c.going) != 0 {
		t.Errorf("%d are remembered, %d go on", n, len(c.going))
	}
}

func TestAClickThatPanicsHoldsNobodyUp(t *testing.T) {
	c := newClicker(t, t.TempDir(), begun)
	k := clickKey{c.account, "k"}
	func() {
		defer func() { recover() }()
		c.once(t.Context(), k, wish{}, c.at, func() (office.ID, error) { panic("broken") })
	}()
	if id, err := c.click(t.Context(), "k", wish{}, nil); id != "1" || err != nil {
		t.Errorf("%s, %v", id, err)
	}
}
