package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
	"timbre/internal/sqldb/pg"
)

// Where a restore puts what it reads, in the data folder: first here, and when
// all of it is there and on disk, under the second name. From then on it only
// takes the place of what was there, which Open finishes where a restore was
// stopped.
const (
	restoring = ".restoring"
	restored  = ".restored"
)

// databaseFile is the name of the SQLite database in the data folder.
const databaseFile = "timbre.db"

// Restore makes the office of a backup that of cfg. Clients read everything
// again; all sessions, administrators' tokens and invitations have ended, as they
// may have been ended since the backup; e-mail that was not sent is held until
// ReleaseMail. office.ErrBackup: it is none or is damaged; office.ErrNewerSchema:
// a newer version took it; office.ErrInUse: somebody uses the folder or
// the database;
// office.ErrNotEmpty: the folder or the database holds something, and replace is
// not set. Then nothing was changed. Only where replace takes a PostgreSQL back to
// an older schema, what it held is gone first.
func Restore(ctx context.Context, cfg Config, backup io.ReadSeeker, replace bool) (Manifest, error) {
	m, err := CheckBackup(backup)
	if err != nil {
		return Manifest{}, err
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return Manifest{}, err
	}
	if ours, err := schemaOf(sub); err != nil || m.Schema > ours {
		return Manifest{}, errors.Join(office.ErrNewerSchema, err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return Manifest{}, fmt.Errorf("making the data folder: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return Manifest{}, err
	}
	defer lock.Close()
	if cfg.DSN != "" {
		claimed, err := claim(ctx, cfg.DSN)
		if err != nil {
			return Manifest{}, err
		}
		defer claimed.Close()
	}
	if err := finishRestore(cfg.Dir); err != nil {
		return Manifest{}, err
	}
	if empty, err := isEmpty(cfg.Dir); err != nil {
		return Manifest{}, err
	} else if !empty && !replace {
		return Manifest{}, office.ErrNotEmpty
	}
	r := &restore{cfg: cfg, backup: backup, manifest: m, migrations: sub, replace: replace, stage: filepath.Join(cfg.Dir, restoring)}
	if err := r.run(ctx); err != nil {
		return Manifest{}, errors.Join(err, os.RemoveAll(r.stage))
	}
	return m, finishRestore(cfg.Dir)
}

// isEmpty reports whether a data folder holds nothing of an office.
func isEmpty(dir string) (bool, error) {
	all, err := os.ReadDir(dir)
	return !slices.ContainsFunc(all, func(d fs.DirEntry) bool { return d.Name() != "lock" }), err
}

// finishRestore puts what a restore has ready in its place, and removes what one
// that was stopped earlier has left. Where it is stopped it can be done again.
func finishRestore(dir string) error {
	if err := os.RemoveAll(filepath.Join(dir, restoring)); err != nil {
		return fmt.Errorf("removing half a restore: %w", err)
	}
	ready := filepath.Join(dir, restored)
	all, err := os.ReadDir(ready)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finishing a restore: %w", err)
	}
	for _, d := range all {
		place := filepath.Join(dir, d.Name())
		old := []string{place}
		if d.Name() == databaseFile { // its log would be played into the new one
			old = append(old, place+"-wal", place+"-shm")
		}
		for _, path := range old {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("finishing a restore: %w", err)
			}
		}
		if err := os.Rename(filepath.Join(ready, d.Name()), place); err != nil {
			return fmt.Errorf("finishing a restore: %w", err)
		}
	}
	if err := errors.Join(os.Remove(ready), syncDirs(dir)); err != nil {
		return fmt.Errorf("finishing a restore: %w", err)
	}
	return nil
}

// A restore is one run of Restore on a folder that is locked.
type restore struct {
	cfg        Config
	backup     io.ReadSeeker
	manifest   Manifest
	migrations fs.FS
	replace    bool
	stage      string
}

// run reads the backup into the stage, and into PostgreSQL where that has the
// rows, and names the stage restored.
func (r *restore) run(ctx context.Context) error {
	for _, folder := range kept {
		if err := os.MkdirAll(filepath.Join(r.stage, folder), 0o700); err != nil {
			return fmt.Errorf("preparing to restore: %w", err)
		}
	}
	// The rows enter the schema that they come from, which then becomes ours.
	theirs := until{r.migrations, r.manifest.Schema}
	err := r.with(ctx, theirs, r.fill)
	if errors.Is(err, office.ErrNewerSchema) { // a PostgreSQL on which a later version has worked
		if err = r.with(ctx, r.migrations, r.clear); err == nil {
			err = r.with(ctx, theirs, r.fill)
		}
	}
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	if err := r.with(ctx, r.migrations, r.settle); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	if err := syncTree(r.stage); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	if err := os.Rename(r.stage, filepath.Join(r.cfg.Dir, restored)); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	return syncDirs(r.cfg.Dir)
}

// with opens the database that is restored into, and calls do in a transaction.
func (r *restore) with(ctx context.Context, migrations fs.FS, do func(*sqldb.Tx) error) (err error) {
	var db *sqldb.DB
	if r.cfg.DSN == "" {
		db, err = sqldb.Open(ctx, sqldb.Config{Path: filepath.Join(r.stage, databaseFile), Migrations: migrations})
	} else {
		db, err = pg.Open(ctx, r.cfg.DSN, migrations)
	}
	if errors.Is(err, sqldb.ErrNewerSchema) {
		return fmt.Errorf("%w: %w", err, office.ErrNewerSchema)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Write(ctx, do)
}

// fill puts the rows into tx and the files into the stage.
func (r *restore) fill(tx *sqldb.Tx) error {
	tables, err := tablesOf(until{r.migrations, r.manifest.Schema})
	if err != nil {
		return err
	}
	if err := refuseFull(tx, r.replace); err != nil {
		return err
	}
	if err := emptyTables(tx, tables); err != nil {
		return err
	}
	if _, err := r.backup.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = readBackup(r.backup, func(name string, content io.Reader) error {
		if file, ok := strings.CutPrefix(name, filesFolder); ok {
			return writeStaged(filepath.Join(r.stage, filepath.FromSlash(file)), content)
		}
		table := rowsName.FindStringSubmatch(name)[1]
		if !slices.Contains(tables, table) {
			return damaged("there is no table %s", table)
		}
		return insertRows(tx, table, content)
	})
	return err
}

// clear takes all that is ours out of a PostgreSQL, so that the schema can be that
// of the backup.
func (r *restore) clear(tx *sqldb.Tx) error {
	if err := refuseFull(tx, r.replace); err != nil {
		return err
	}
	tables, err := tablesOf(r.migrations)
	if err != nil {
		return err
	}
	slices.Reverse(tables) // each before those that it refers to
	for _, table := range append(tables, "goose_db_version") {
		if _, err := tx.Exec("DROP TABLE " + table); err != nil {
			return fmt.Errorf("clearing table %s: %w", table, err)
		}
	}
	return nil
}

// refuseFull returns office.ErrNotEmpty where a database holds an office that is
// not to be replaced.
func refuseFull(tx *sqldb.Tx, replace bool) error {
	if replace {
		return nil
	}
	var n int
	if err := tx.QueryRow("SELECT (SELECT count(*) FROM company) + (SELECT count(*) FROM extension)").Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return office.ErrNotEmpty
	}
	return nil
}

// writeStaged writes a file that is made lasting later, with the others.
func writeStaged(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// insertRows inserts a part of a table, which it reads to its end.
func insertRows(tx *sqldb.Tx, table string, content io.Reader) error {
	lines := bufio.NewScanner(content)
	lines.Buffer(nil, maxRow)
	in := inserter{tx: tx, table: table}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &in.columns) != nil || len(in.columns) == 0 {
		return damaged("the rows of table %s have no columns", table)
	}
	for _, c := range in.columns {
		if !wordOfSQL.MatchString(c) {
			return damaged("table %s has no column %q", table, c)
		}
	}
	for lines.Scan() {
		values, err := rowOf(lines.Bytes())
		if err != nil || len(values) != len(in.columns) {
			return damaged("a row of table %s cannot be read", table)
		}
		if err := in.add(values); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return damaged("a row of table %s is longer than any", table)
	case err != nil:
		return err
	}
	return in.flush()
}

// maxRow bounds the length of one row in a backup, with all that it takes to read
// it; calls with all their legs take some kilobytes.
const maxRow = 16 << 20

// rowOf reads one row: a list of what both databases know.
func rowOf(line []byte) ([]any, error) {
	var values []any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the row")
	}
	for i, v := range values {
		switch v := v.(type) {
		case nil, bool, string:
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return nil, err
			}
			values[i] = n
		default:
			return nil, fmt.Errorf("a value of type %T", v)
		}
	}
	return values, nil
}

// settle ends what must not outlive a restore.
func (r *restore) settle(tx *sqldb.Tx) error {
	now := time.Now
	if r.cfg.Now != nil {
		now = r.cfg.Now
	}
	for _, s := range []struct {
		what string
		args []any
	}{
		{"DELETE FROM meta WHERE name = 'epoch'", nil}, // the next start makes another: clients read everything again
		{"DELETE FROM device WHERE session", nil},
		{"DELETE FROM admin_token", nil},
		{"DELETE FROM invitation", nil},
		{holdMail, nil},
		{holdFaxes, nil},
		{
			"INSERT INTO audit (id, at, who, what, about, result) VALUES ($1, $2, 'command line', 'restore', $3, 'ok')",
			[]any{office.NewID(), millis(now()), "of " + r.manifest.TakenAt.UTC().Format(time.RFC3339)},
		},
	} {
		if _, err := tx.Exec(s.what, s.args...); err != nil {
			return err
		}
	}
	if r.cfg.DSN != "" {
		return analyze(tx)
	}
	return nil
}

// syncTree makes all files and folders below dir survive a power cut.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return syncDirs(path)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
