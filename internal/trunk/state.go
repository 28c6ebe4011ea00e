package trunk

import (
	"context"
	"time"

	"timbre/internal/office"
)

// A State is what is known of a trunk now.
type State struct {
	Trunk      office.Trunk
	Registered bool      // of a trunk that registers
	Reachable  bool      // it answered when it was last asked
	LastError  string    // the last failure, for the administrator; it stays when the trunk works again
	Since      time.Time // since when Registered and Reachable are as they are
}

// Up reports whether calls are expected to go through.
func (s State) Up() bool { return s.Reachable && (s.Registered || !s.Trunk.Register) }

// States returns the state of every trunk, in the order in which they are tried.
func (g *Group) States() []State { return nil }

// Test asks the carrier of a trunk now, whatever is known of it, and returns what
// came of it. It returns office.ErrNotFound where there is no such trunk.
func (g *Group) Test(ctx context.Context, id office.ID) (State, error) {
	return State{}, office.ErrNotFound
}
