package api

import (
	"context"
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A list is what a filter chooses from an account, newest first.
type list struct {
	after, before time.Time // the filter's span of time; zero: open
	ids           func(context.Context, store.Page) ([]office.ID, error)
	// count returns how many rows of after or later and before before there are;
	// all else is as the filter says.
	count func(ctx context.Context, after, before time.Time) (int, error)
	// at returns the time by which a row is sorted, zero where there is none.
	at func(context.Context, office.ID) (time.Time, error)
}

// page returns where in the list the answer to a query begins, and enters that
// position into the answer.
func (l list) page(ctx context.Context, a jmap.QueryArgs, answer *jmap.QueryResponse) (store.Page, error) {
	a.Position, a.AnchorOffset = clamp(a.Position), clamp(a.AnchorOffset)
	if a.Anchor == nil {
		answer.Position = a.Position
		if a.Position < 0 { // counted from the end
			n, err := l.count(ctx, l.after, l.before)
			if err != nil {
				return store.Page{}, err
			}
			answer.Position = max(0, n+a.Position)
		}
		return store.Page{Position: answer.Position}, nil
	}
	anchor := office.ID(*a.Anchor)
	i, err := l.index(ctx, anchor)
	if errors.Is(err, office.ErrNotFound) {
		return store.Page{}, &jmap.MethodError{Type: jmap.AnchorNotFound}
	}
	if err != nil {
		return store.Page{}, err
	}
	answer.Position = max(0, i+a.AnchorOffset)
	if a.AnchorOffset >= 1 { // the store is quick behind a row, slow at a position
		return store.Page{Anchor: anchor, Position: a.AnchorOffset - 1}, nil
	}
	return store.Page{Position: answer.Position}, nil
}

// index returns how many rows stand before the row id, office.ErrNotFound where
// the list does not have it.
func (l list) index(ctx context.Context, id office.ID) (int, error) {
	t, err := l.at(ctx, id)
	if err != nil {
		return 0, err
	}
	if t.IsZero() || t.Before(l.after) || !l.before.IsZero() && !t.Before(l.before) {
		return 0, office.ErrNotFound
	}
	next := t.Add(time.Millisecond) // times are kept in milliseconds
	n, err := l.count(ctx, t, next)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, office.ErrNotFound
	}
	if !l.before.IsZero() && !next.Before(l.before) {
		return 0, nil
	}
	return l.count(ctx, next, l.before)
}

// clamp returns n within what sums of two cannot overflow.
func clamp(n int) int { return min(max(n, -1<<30), 1<<30) }
