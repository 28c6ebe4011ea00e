package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"timbre/internal/office"
	"timbre/internal/sqldb"
	"timbre/internal/sqldb/pg"
)

// claim makes this process the only user of the PostgreSQL at dsn. office.ErrInUse:
// another process is, on whatever folder.
func claim(ctx context.Context, dsn string) (*pg.Claim, error) {
	c, err := pg.Take(ctx, dsn)
	if errors.Is(err, pg.ErrClaimed) {
		return nil, fmt.Errorf("%w: %w", err, office.ErrInUse)
	}
	return c, err
}

// lockDir makes this process the only user of the data folder until the file
// that it returns is closed. office.ErrInUse: another process is.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	ok, err := sqldb.TryLock(f)
	switch {
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	case !ok:
		f.Close()
		return nil, fmt.Errorf("another server uses %s: %w", dir, office.ErrInUse)
	}
	return f, nil
}
