package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"timbre/internal/office"
	"timbre/internal/sqldb/pg"
	"timbre/internal/store"
)

// elsewhere is a file in a data folder whose rows are in PostgreSQL. Without it
// a command that was not given --db would quietly begin a second, empty office.
const elsewhere = "rows-are-in-postgresql"

// checkFolder refuses a data folder to which others than its owner may write: they
// could put an office of their own into it. One that is missing is none.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o022 == 0 {
		return nil // an error shows when it is opened
	}
	return fmt.Errorf("data folder %s: others may write to it; take that away with chmod go-w %s", dir, dir)
}

// sqliteFile is where a data folder keeps its rows, unless in PostgreSQL.
const sqliteFile = "timbre.db"

// folderError says of which folder err is; a sentinel that says it all is told
// without what the store said of it.
func folderError(cfg Config, err error) error {
	if errors.Is(err, pg.ErrClaimed) {
		return fmt.Errorf("the database that --db names: %w", office.ErrInUse)
	}
	for _, plain := range []office.Error{office.ErrInUse, office.ErrNewerSchema} {
		if errors.Is(err, plain) {
			return fmt.Errorf("data folder %s: %w", cfg.Data, plain)
		}
	}
	return fmt.Errorf("data folder %s: %w", cfg.Data, err)
}

// openStore locks and opens the office's data.
func openStore(ctx context.Context, cfg Config) (*store.Store, error) {
	if err := checkFolder(cfg.Data); err != nil {
		return nil, err
	}
	mark := filepath.Join(cfg.Data, elsewhere)
	_, moved := os.Stat(mark)
	if moved == nil && cfg.DB == "" {
		return nil, fmt.Errorf("data folder %s: its rows are in PostgreSQL, which --db must name", cfg.Data)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, sqliteFile)); err == nil && moved != nil && cfg.DB != "" {
		return nil, fmt.Errorf("data folder %s: its rows are in %s: leave out --db, or first move them with timbred migrate --to", cfg.Data, sqliteFile)
	}
	kept, err := store.Open(ctx, store.Config{Dir: cfg.Data, DSN: cfg.DB, Log: cfg.Log})
	if err != nil {
		return nil, folderError(cfg, err)
	}
	if cfg.DB != "" {
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			kept.Close()
			return nil, fmt.Errorf("data folder %s: %w", cfg.Data, err)
		}
	}
	return kept, nil
}
