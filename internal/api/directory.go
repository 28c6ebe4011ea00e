package api

import (
	"context"

	"timbre/internal/office"
	"timbre/internal/store"
)

// directory is the JMAP type Extension: the lines of the office's directory,
// the same for every account.
type directory struct{ store *store.Store }

func (k directory) objects(ctx context.Context, ids []office.ID, _ []string) (map[office.ID]any, error) {
	entries, err := k.store.Entries(ctx, ids)
	found := make(map[office.ID]any, len(entries))
	for _, e := range entries {
		found[e.ID] = e
	}
	return found, err
}

func (k directory) properties() []string { return propertiesIn[office.Entry]() }

// all returns the ids in the order of the numbers.
func (k directory) all(ctx context.Context, limit int) ([]office.ID, error) {
	entries, err := k.store.Entries(ctx, nil)
	ids := make([]office.ID, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids[:min(limit, len(ids))], err
}
