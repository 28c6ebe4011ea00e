package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"timbre/internal/office"
)

// A Blob is a sound or page file. Its content never changes, so that its ID is
// a strong validator (ETag).
type Blob struct {
	ID        office.ID
	Size      int64
	Type      string // media type
	CreatedAt time.Time
}

// blobPath returns where the content of a blob is.
func (s *Store) blobPath(id office.ID) string {
	return filepath.Join(s.dir, "blobs", string(id[:2]), string(id))
}

// OpenBlob opens the file of a blob of account. ErrNotFound: it has none such.
// The caller closes the file.
func (s *Store) OpenBlob(ctx context.Context, account, id office.ID) (*os.File, Blob, error) {
	if !id.Valid() {
		return nil, Blob{}, office.ErrNotFound
	}
	b := Blob{ID: id}
	var created int64
	err := s.db.QueryRow(ctx, "SELECT size, type, created_at FROM blob WHERE account = $1 AND id = $2", account, id).
		Scan(&b.Size, &b.Type, &created)
	if err != nil {
		return nil, Blob{}, found(err)
	}
	b.CreatedAt = at(created)
	f, err := os.Open(s.blobPath(id))
	if errors.Is(err, fs.ErrNotExist) { // deleted since
		return nil, Blob{}, fmt.Errorf("opening blob %s: %w", id, office.ErrNotFound)
	}
	return f, b, err
}

// writeBlob puts content on the disk, so that it survives a power cut, before
// any row says that it is there.
func (s *Store) writeBlob(id office.ID, content []byte) error {
	path := s.blobPath(id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncDirs(filepath.Dir(path), filepath.Join(s.dir, "blobs"), s.dir)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// dropBlob removes the file of a blob whose commit failed. Where it cannot be
// known whether the row is there, the file stays for the sweep at the next start.
func (s *Store) dropBlob(ctx context.Context, id office.ID) error {
	var n int
	err := s.db.QueryRow(context.WithoutCancel(ctx), "SELECT count(*) FROM blob WHERE id = $1", id).Scan(&n)
	if err != nil || n > 0 {
		return err
	}
	return os.Remove(s.blobPath(id))
}

// syncDirs makes the entries of folders survive a power cut.
func syncDirs(dirs ...string) error {
	if runtime.GOOS == "windows" { // folders cannot be opened there, and NTFS keeps a journal
		return nil
	}
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// sweepFiles removes the files that a stop left between file and row. Nothing
// else may use the store yet.
func (s *Store) sweepFiles(ctx context.Context) error {
	rows, err := s.db.Query(ctx, "SELECT id FROM blob")
	if err := s.sweep(rows, err, "blobs"); err != nil {
		return err
	}
	rows, err = s.db.Query(ctx, "SELECT id FROM voicemail UNION ALL SELECT id FROM recording")
	return s.sweep(rows, err, "recordings")
}

// sweep removes the files below folder whose names, without extension, are none
// of the ids in rows. It makes the folder if it is missing.
func (s *Store) sweep(rows *sql.Rows, err error, folder string) error {
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	owned := make(map[string]bool, len(ids))
	for _, id := range ids {
		owned[string(id)] = true
	}
	dir := filepath.Join(s.dir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if owned[strings.TrimSuffix(d.Name(), filepath.Ext(d.Name()))] {
			return nil
		}
		s.log.Info("removing a file without an owner", "path", path)
		return os.Remove(path)
	})
}
