package api

import (
	"context"
	"encoding/json"
	"errors"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A list is a JMAP type whose objects are an account's rows in order of time,
// newest first.
type list struct {
	names    func() []string     // of the properties of a row
	sortedBy string              // the property with the time of a row
	takes    func(f filter) bool // whether the list has the fields that f is about
	rows     func(ctx context.Context, ids ...office.ID) ([]row, error)
	query    func(context.Context, filter, store.Page) ([]office.ID, error)
	count    func(context.Context, filter) (int, error)
	place    func(context.Context, filter, office.ID) (int, error) // of a row in what query returns
}

// A row is one object of a list.
type row struct {
	id     office.ID
	object any
}

// A table is where the store keeps the objects of a list: T as they travel, F what
// chooses among them.
type table[T, F any] struct {
	sortedBy string
	takes    func(filter) bool
	filter   func(filter) F
	row      func(T) row
	rows     func(ctx context.Context, account office.ID, ids ...office.ID) ([]T, error)
	query    func(ctx context.Context, account office.ID, f F, p store.Page) ([]office.ID, error)
	count    func(ctx context.Context, account office.ID, f F) (int, error)
	place    func(ctx context.Context, account office.ID, f F, id office.ID) (int, error)
}

// of returns the list of an account.
func (t table[T, F]) of(account office.ID) list {
	return list{
		names: propertiesIn[T], sortedBy: t.sortedBy, takes: t.takes,
		rows: func(ctx context.Context, ids ...office.ID) ([]row, error) {
			all, err := t.rows(ctx, account, ids...)
			rows := make([]row, len(all))
			for i, one := range all {
				rows[i] = t.row(one)
			}
			return rows, err
		},
		query: func(ctx context.Context, f filter, p store.Page) ([]office.ID, error) {
			return t.query(ctx, account, t.filter(f), p)
		},
		count: func(ctx context.Context, f filter) (int, error) { return t.count(ctx, account, t.filter(f)) },
		place: func(ctx context.Context, f filter, id office.ID) (int, error) {
			return t.place(ctx, account, t.filter(f), id)
		},
	}
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

func (l list) properties() []string { return l.names() }

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
	i, err := l.place(ctx, f, anchor)
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

// clamp returns n within what sums of two cannot overflow.
func clamp(n int) int { return min(max(n, -1<<30), 1<<30) }
