package auth

import (
	"testing"
	"time"
)

func TestAllowance(t *testing.T) {
	a := newAllowance[string](4, 10*time.Second)
	now := time.Unix(1e9, 0)
	for i, c := range []struct{ all, kept time.Duration }{{0, 0}, {0, 0}, {0, 10}, {0, 20}, {10, 30}, {20, 40}} {
		if all, kept := a.wait("k", 0, now), a.wait("k", 2, now); all != c.all*time.Second || kept != c.kept*time.Second {
			t.Errorf("after %d failures: %s, %s where two are kept; want %ds, %ds", i, all, kept, c.all, c.kept)
		}
		a.fail("k", now)
	}
	if got := a.wait("other", 0, now); got != 0 {
		t.Errorf("somebody else: %s", got)
	}
	now = now.Add(time.Hour) // an hour makes up for what was, no more
	for range 4 {
		if got := a.wait("k", 0, now); got != 0 {
			t.Errorf("an hour later: %s", got)
		}
		a.fail("k", now)
	}
	if got := a.wait("k", 0, now); got != 10*time.Second {
		t.Errorf("an hour later, after four: %s", got)
	}
	a.clearIf(func(k string) bool { return k == "k" })
	if got := a.wait("k", 0, now); got != 0 {
		t.Errorf("cleared: %s", got)
	}
}

func TestAllowanceIsBounded(t *testing.T) {
	a := newAllowance[int](1, time.Second)
	now := time.Unix(1e9, 0)
	a.fail(-1, now)
	a.fail(-1, now) // waits longest
	for i := range maxKeys + 5 {
		a.fail(i, now)
	}
	if len(a.clean) > maxKeys || a.wait(-1, 0, now) == 0 {
		t.Errorf("%d keys, the worst waits %s", len(a.clean), a.wait(-1, 0, now))
	}
	a.fail(-2, now.Add(time.Minute))
	if len(a.clean) != 1 {
		t.Errorf("%d keys are left of those that are clean", len(a.clean))
	}
}
