package api

import (
	"context"
	"slices"

	"timbre/internal/office"
	"timbre/internal/store"
)

// newCalls returns the JMAP type Call: the log of an extension.
func newCalls(s *store.Store, account office.ID) list {
	return list{
		sortedBy: "startedAt",
		takes: func(f filter) bool {
			return f.IsNew == nil && slices.Contains([]office.CallKind{"", office.Incoming, office.Outgoing, office.Missed}, f.Kind)
		},
		rows: func(ctx context.Context, ids ...office.ID) ([]row, error) {
			all, err := s.Calls(ctx, account, ids...)
			rows := make([]row, len(all))
			for i, c := range all {
				rows[i] = row{c.ID, c.StartedAt, c}
			}
			return rows, err
		},
		query: func(ctx context.Context, f filter, p store.Page) ([]office.ID, error) {
			return s.QueryCalls(ctx, account, callFilter(f), p)
		},
		count: func(ctx context.Context, f filter) (int, error) {
			return s.CountCalls(ctx, account, callFilter(f))
		},
	}
}

func callFilter(f filter) store.CallFilter {
	return store.CallFilter{Kind: f.Kind, After: f.After, Before: f.Before, Text: f.Text}
}
