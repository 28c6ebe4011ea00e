package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A list is a JMAP type whose objects are an account's rows in order of time,
// newest first.
type list struct {
	sortedBy string              // the property with the time of a row
	takes    func(f filter) bool // whether the list has the fields that f is about
	rows     func(ctx context.Context, ids ...office.ID) ([]row, error)
	query    func(context.Context, filter, store.Page) ([]office.ID, error)
	count    func(context.Context, filter) (int, error)
}

// A row is one object of a list with the time by which it is sorted.
type row struct {
	id     office.ID
	at     time.Time
	object any
}

func (l list) objects(ctx context.Context, ids []office.ID, _ []string) (map[office.ID]any, error) {
	rows, err := l.rows(ctx, ids...)
	found := make(map[office.ID]any, len(rows))
	for _, r := range rows {
		found[r.id] = r.object
	}
	return found, err
}

func (l list) all(ctx context.Context, limit int) ([]office.ID, error) {
	return l.query(ctx, filter{}, store.Page{Limit: limit})
}

// ordered makes a list, and what is built on one, a lister.
func (l list) ordered() list { return l }

// read returns the filter in raw. The error is a *jmap.MethodError.
func (l list) read(raw json.RawMessage) (filter, error) {
	f, refused := readFilter(raw)
	if refused == nil && !l.takes(f) {
		refused = &jmap.MethodError{Type: jmap.UnsupportedFilter}
	}
	if refused != nil {
		return f, refused
	}
	return f, nil
}

// page returns where in what f chooses the answer to a query begins, and enters
// that position into the answer.
func (l list) page(ctx context.Context, f filter, a jmap.QueryArgs, answer *jmap.QueryResponse) (store.Page, error) {
	a.Position, a.AnchorOffset = clamp(a.Position), clamp(a.AnchorOffset)
	if a.Anchor == nil {
		answer.Position = a.Position
		if a.Position < 0 { // counted from the end
			n, err := l.count(ctx, f)
			if err != nil {
				return store.Page{}, err
			}
			answer.Position = max(0, n+a.Position)
		}
		return store.Page{Position: answer.Position}, nil
	}
	anchor := office.ID(*a.Anchor)
	i, err := l.index(ctx, f, anchor)
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

// index returns how many of the rows that f chooses stand before the row id,
// office.ErrNotFound where it is none of them.
func (l list) index(ctx context.Context, f filter, id office.ID) (int, error) {
	rows, err := l.rows(ctx, id)
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, office.ErrNotFound
	}
	t := rows[0].at
	if t.Before(f.After) || !f.Before.IsZero() && !t.Before(f.Before) {
		return 0, office.ErrNotFound
	}
	next := t.Add(time.Millisecond) // times are kept in milliseconds
	same, later := f, f
	same.After, same.Before = t, next
	n, err := l.count(ctx, same)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, office.ErrNotFound
	}
	if !f.Before.IsZero() && !next.Before(f.Before) {
		return 0, nil
	}
	later.After = next
	return l.count(ctx, later)
}

// clamp returns n within what sums of two cannot overflow.
func clamp(n int) int { return min(max(n, -1<<30), 1<<30) }
