package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"timbre/internal/office"
	"timbre/internal/store"
)

// elsewhere is a file in a data folder whose rows are in PostgreSQL. Without it
// a command that was not given --db would quietly begin a second, empty office.
const elsewhere = "rows-are-in-postgresql"

// openStore locks and opens the office's data.
func openStore(ctx context.Context, cfg Config) (*store.Store, error) {
	mark := filepath.Join(cfg.Data, elsewhere)
	if _, err := os.Stat(mark); err == nil && cfg.DB == "" {
		return nil, fmt.Errorf("data folder %s: its rows are in PostgreSQL, which --db must name", cfg.Data)
	}
	kept, err := store.Open(ctx, store.Config{Dir: cfg.Data, DSN: cfg.DB, Log: cfg.Log})
	for _, plain := range []office.Error{office.ErrInUse, office.ErrNewerSchema} {
		if errors.Is(err, plain) { // which says it all
			return nil, fmt.Errorf("data folder %s: %w", cfg.Data, plain)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", cfg.Data, err)
	}
	if cfg.DB != "" {
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			kept.Close()
			return nil, fmt.Errorf("data folder %s: %w", cfg.Data, err)
		}
	}
	return kept, nil
}
