package pbx

import (
	"context"
	"errors"
	"testing"
	"time"

	"timbre/internal/ua"
)

// TestDeadCarrierIsToldSoon has the only carrier vanish without a word, as when the
// line to the outside is cut: who calls hears soon what to do, and first of all who
// calls for help.
func TestDeadCarrierIsToldSoon(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.carrier(t, "carrier", 1).vanish()
	ana := x.unregistered(t, "101", "udp")
	for number, limit := range map[string]time.Duration{"911": 5 * time.Second, string(mobile): 10 * time.Second} {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var took time.Duration
		_, err := ana.dial(ctx, number, func(t *ua.Target) {
			t.OnEarly = func(*ua.Leg) { // the advice begins
				took = time.Since(began)
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || took > limit {
			t.Errorf("%s: told after %v: %v", number, took, err)
		}
		cancel()
	}
}
