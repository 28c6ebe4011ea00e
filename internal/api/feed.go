package api

import (
	"context"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A feed tells in which state the objects of a type are and what changed since
// another. The store is the one of all types that are kept.
type feed interface {
	State(ctx context.Context, account office.ID, t store.Type) (store.State, error)
	Changes(ctx context.Context, account office.ID, t store.Type, since store.State, limit int) (store.Changes, error)
}

// A look is the store as a feed for the calls of one request, of one account: it
// reads the states of all types at once, where each call would ask for its own. What
// changes after that is told by the next request. It is used by one goroutine.
type look struct {
	store *store.Store
	known states // nil: to be read
}

// forget lets the states be read again, after a call that may have changed them.
func (l *look) forget() { l.known = nil }

func (l *look) State(ctx context.Context, account office.ID, t store.Type) (store.State, error) {
	if l.known == nil {
		all, err := l.store.States(ctx, account)
		if err != nil {
			return "", err
		}
		l.known = all
	}
	return l.known[t], nil
}

// Changes asks the store only where there are some.
func (l *look) Changes(ctx context.Context, account office.ID, t store.Type, since store.State, limit int) (store.Changes, error) {
	now, err := l.State(ctx, account, t)
	if err != nil {
		return store.Changes{}, err
	}
	if since == now {
		return store.Changes{OldState: since, NewState: now}, nil
	}
	c, err := l.store.Changes(ctx, account, t, since, limit)
	if err == nil && !c.HasMore {
		l.known[t] = c.NewState // no call of a request is told less than the one before it
	}
	return c, err
}
