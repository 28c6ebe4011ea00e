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
	Reachable  bool      // the carrier answered when it was last asked
	LastError  string    // the last failure, for the administrator; it stays when the trunk works again
	ErrorAt    time.Time // when that was; zero: never
	Since      time.Time // since when Registered and Reachable are as they are
}

// Up reports whether calls are expected to go through.
func (s State) Up() bool { return s.Reachable && (s.Registered || !s.Trunk.Register) }

// States returns the state of every trunk, in the order of their priority.
func (g *Group) States() []State {
	g.mu.Lock()
	defer g.mu.Unlock()
	states := make([]State, 0, len(g.carriers))
	for _, c := range g.carriers {
		states = append(states, c.state)
	}
	return states
}

// Test asks the carrier of a trunk now, whatever is known of it, and returns what
// is known then; err says why it did not answer. It returns office.ErrNotFound
// where there is no such trunk.
func (g *Group) Test(ctx context.Context, id office.ID) (s State, err error) {
	g.mu.Lock()
	var c *carrier
	for _, have := range g.carriers {
		if have.trunk.ID == id {
			c = have
		}
	}
	g.mu.Unlock()
	if c == nil {
		return State{}, office.ErrNotFound
	}
	if err = g.resolve(ctx, c); err == nil {
		err = g.ask(ctx, c)
	}
	return g.stateOf(c), err
}

func (g *Group) stateOf(c *carrier) State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return c.state
}

// note changes the state of c. Only a change of what is up or down is logged.
func (g *Group) note(c *carrier, change func(*State)) {
	g.mu.Lock()
	was := c.state
	c.state.LastError = "" // to see one that is told again
	change(&c.state)
	if c.state.LastError == "" {
		c.state.LastError = was.LastError
	} else {
		c.state.ErrorAt = g.cfg.Now()
	}
	is := c.state
	changed := is.Registered != was.Registered || is.Reachable != was.Reachable
	if changed {
		c.state.Since = g.cfg.Now()
	}
	g.mu.Unlock()
	switch {
	case is.Up() && !was.Up():
		g.log.Info("trunk is up", "trunk", c.trunk.Name)
	case !is.Up() && (was.Up() || is.LastError != was.LastError):
		g.log.Warn("trunk is down", "trunk", c.trunk.Name, "err", is.LastError)
	}
}
