package api

import (
	"context"
	"encoding/json"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// calls is the JMAP type Call: the log of an extension.
type calls struct{ store *store.Store }

func (calls) sortedBy() string { return "startedAt" }

func (k calls) objects(ctx context.Context, account office.ID, ids []office.ID) (map[office.ID]any, error) {
	rows, err := k.store.Calls(ctx, account, ids...)
	found := make(map[office.ID]any, len(rows))
	for _, c := range rows {
		found[c.ID] = c
	}
	return found, err
}

func (k calls) list(account office.ID, raw json.RawMessage) (list, error) {
	f, err := readFilter(raw)
	if err != nil {
		return list{}, err
	}
	switch {
	case f.IsNew != nil, f.Kind != "" && f.Kind != office.Incoming && f.Kind != office.Outgoing && f.Kind != office.Missed:
		return list{}, &jmap.MethodError{Type: jmap.UnsupportedFilter}
	}
	chosen := store.CallFilter{Kind: f.Kind, After: timeOf(f.After), Before: timeOf(f.Before), Text: f.Text}
	return list{
		after: chosen.After, before: chosen.Before,
		ids: func(ctx context.Context, p store.Page) ([]office.ID, error) {
			return k.store.QueryCalls(ctx, account, chosen, p)
		},
		count: func(ctx context.Context, after, before time.Time) (int, error) {
			part := chosen
			part.After, part.Before = after, before
			return k.store.CountCalls(ctx, account, part)
		},
		at: func(ctx context.Context, id office.ID) (time.Time, error) {
			rows, err := k.store.Calls(ctx, account, id)
			if err != nil || len(rows) == 0 {
				return time.Time{}, err
			}
			return rows[0].StartedAt, nil
		},
	}, nil
}
