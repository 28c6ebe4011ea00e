package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/sqldb"
	"timbre/internal/store"
)

// Backup writes a backup of the office in cfg.Data to file, whether or not a
// server runs on it, reads it back, and only then puts it in the place of a file
// that was there before. It is readable by its owner alone: it holds everything,
// the authority's key too.
func Backup(ctx context.Context, cfg Config, file string) (taken api.Taken, err error) {
	admin, done, err := Admin(ctx, cfg, false)
	if err != nil {
		return taken, err
	}
	defer func() { err = errors.Join(err, done()) }()
	part := file + ".part" // one that a kill left is of no use
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return taken, fmt.Errorf("backup: %w", err)
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return taken, fmt.Errorf("backup: %w", err)
	}
	if taken, err = fill(ctx, admin, f); err != nil {
		os.Remove(part)
		return taken, err
	}
	if err := errors.Join(os.Rename(part, file), syncFolder(filepath.Dir(file))); err != nil {
		os.Remove(part)
		return taken, fmt.Errorf("backup: %w", err)
	}
	if err := admin.NoteBackup(ctx, taken); err != nil {
		return taken, fmt.Errorf("the backup is good, but could not be noted: %w", err)
	}
	return taken, nil
}

// fill writes a backup to f, makes it lasting, reads it back and closes f.
func fill(ctx context.Context, admin *api.Admin, f *os.File) (taken api.Taken, err error) {
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("backup: %w", e)
		}
	}()
	if err := admin.Backup(ctx, f); err != nil {
		return taken, err
	}
	if err := f.Sync(); err != nil {
		return taken, fmt.Errorf("backup: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return taken, fmt.Errorf("backup: %w", err)
	}
	m, err := store.CheckBackup(f)
	if err != nil {
		return taken, fmt.Errorf("reading the backup back: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return taken, fmt.Errorf("backup: %w", err)
	}
	return api.Taken{At: m.TakenAt, Size: info.Size()}, nil
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be opened there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// A Restored says what an office became.
type Restored struct {
	TakenAt time.Time     `json:"takenAt"` // when the backup was taken
	Company office.Number `json:"company"` // empty where it was not set up yet
}

// Restore makes the office in a backup that of cfg.Data. It returns
// office.ErrInUse while a server runs there, office.ErrNotEmpty where something
// is there and replace is not set, office.ErrBackup where file is no whole
// backup, office.ErrNewerSchema where a newer version took it, and an error that
// says so where the database is newer than the backup; then nothing was changed.
func Restore(ctx context.Context, cfg Config, file string, replace bool) (Restored, error) {
	if err := checkFolder(cfg.Data); err != nil {
		return Restored{}, err
	}
	mark := filepath.Join(cfg.Data, elsewhere)
	if _, err := os.Stat(mark); err == nil && cfg.DB == "" {
		return Restored{}, fmt.Errorf("data folder %s: its rows are in PostgreSQL, which --db must name", cfg.Data)
	}
	f, err := os.Open(file)
	if err != nil {
		return Restored{}, fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	m, err := store.Restore(ctx, store.Config{Dir: cfg.Data, DSN: cfg.DB, Log: cfg.Log}, f, replace)
	switch {
	case errors.Is(err, office.ErrBackup):
		return Restored{}, fmt.Errorf("backup %s: %w", file, err)
	case errors.Is(err, sqldb.ErrNewerSchema): // of the database; what a newer version backed up is told below
		return Restored{}, fmt.Errorf("the database that --db names is newer than the backup %s; name an empty one", file)
	case errors.Is(err, office.ErrNewerSchema):
		return Restored{}, fmt.Errorf("backup %s: %w", file, err)
	case errors.Is(err, office.ErrNotEmpty):
		return Restored{}, fmt.Errorf("data folder %s: %w; --force replaces it", cfg.Data, err)
	case err != nil:
		return Restored{}, folderError(cfg, err)
	}
	if cfg.DB != "" {
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return Restored{}, fmt.Errorf("data folder %s: %w", cfg.Data, err)
		}
	}
	return Restored{m.TakenAt, m.Company}, nil
}

// Migrate copies the rows of the office in cfg.Data from SQLite to the PostgreSQL
// at dsn, which --db names from then on. The SQLite file stays as it was. It
// returns office.ErrInUse while a server runs, and office.ErrNotEmpty where the
// database holds an office already; then nothing was changed.
func Migrate(ctx context.Context, cfg Config, dsn string) (err error) {
	if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data folder %s: %w", cfg.Data, office.ErrNoCompany)
	}
	if cfg.DB != "" {
		return errors.New("migrate goes from SQLite to PostgreSQL: give --to, not --db")
	}
	kept, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	// The line goes along with the rows, so that it says already how that ended.
	line, err := kept.BeginAudit(ctx, store.Audit{Who: "command line", What: "migrate", About: "to PostgreSQL"})
	if err == nil {
		err = kept.EndAudit(ctx, line, "ok")
	}
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if err := kept.CopyTo(ctx, dsn); err != nil {
		return errors.Join(fmt.Errorf("migrating: %w", err), kept.EndAudit(ctx, line, "failed"))
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, elsewhere), nil, 0o600); err != nil {
		return fmt.Errorf("data folder %s: %w", cfg.Data, err)
	}
	return nil
}
