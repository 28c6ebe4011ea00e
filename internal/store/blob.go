package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
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

// Limits of uploads. They count what nothing refers to yet.
const (
	uploadAge  = 24 * time.Hour // how long it is kept
	uploadMax  = 100 << 20      // bytes of one account
	maxUploads = 200            // of one account
)

// AddUpload keeps what r holds, of that media type, for account. It is removed
// after 24 h unless something refers to it by then, and before where the account
// has 100 MB or 200 of such: then the oldest make room (RFC 8620 §6). ErrNotFound:
// no such account; ErrLimit: r holds more than limit bytes.
func (s *Store) AddUpload(ctx context.Context, account office.ID, mediaType string, r io.Reader, limit int64) (Blob, error) {
	b := Blob{ID: office.NewID(), Type: mediaType, CreatedAt: at(millis(s.now()))}
	var err error
	if b.Size, err = s.copyBlob(b.ID, io.LimitReader(r, limit+1)); err != nil {
		return Blob{}, fmt.Errorf("writing upload: %w", err)
	}
	if b.Size > limit {
		return Blob{}, fmt.Errorf("adding upload: %w", errors.Join(office.ErrLimit, os.Remove(s.blobPath(b.ID))))
	}
	err = s.write(ctx, func(w *writing) error {
		if _, err := w.hold(account, TypeVoicemailSettings); err != nil { // one upload of an account after another
			return err
		}
		if err := s.makeRoom(w, account, b.Size); err != nil {
			return err
		}
		return w.addBlob(b, account)
	})
	if err != nil {
		return Blob{}, fmt.Errorf("adding upload: %w", errors.Join(err, s.dropBlob(ctx, b.ID)))
	}
	return b, nil
}

// makeRoom removes the oldest uploads of account until there is room for one of so
// many bytes more.
func (s *Store) makeRoom(w *writing, account office.ID, size int64) error {
	rows, err := w.Query("SELECT b.id, b.size FROM blob b WHERE b.account = $1 AND "+unreferred+" ORDER BY b.created_at DESC, b.id DESC", account)
	all, err := collect(rows, err, func(r *sql.Rows) (b Blob, err error) {
		err = r.Scan(&b.ID, &b.Size)
		return b, err
	})
	if err != nil {
		return err
	}
	for n, b := range all { // newest first
		if size += b.Size; n+1 < maxUploads && size <= uploadMax {
			continue
		}
		size = uploadMax + 1 // what is older goes too
		if _, err := w.Exec("DELETE FROM blob WHERE id = $1", b.ID); err != nil {
			return err
		}
		w.orphans = append(w.orphans, s.blobPath(b.ID))
	}
	return nil
}

// unreferred is true of a blob b that nothing refers to.
const unreferred = `NOT EXISTS (SELECT 1 FROM voicemail v WHERE v.blob = b.id) AND NOT EXISTS (SELECT 1 FROM greeting g WHERE g.blob = b.id)
	AND NOT EXISTS (SELECT 1 FROM fax f WHERE f.blob = b.id)`

// addBlob writes the row of a blob whose file is there.
func (w *writing) addBlob(b Blob, account office.ID) error {
	_, err := w.Exec("INSERT INTO blob (id, account, size, type, created_at) VALUES ($1, $2, $3, $4, $5)",
		b.ID, account, b.Size, b.Type, millis(b.CreatedAt))
	return err
}

// dropBlobs removes what has been without an owner for too long: uploads and
// greetings that others took the place of. It looks for them beside the writers,
// and then asks again.
func (s *Store) dropBlobs(ctx context.Context) error {
	for n := maxDelete; n == maxDelete; {
		rows, err := s.db.Query(ctx, "SELECT b.id FROM blob b WHERE b.created_at < $1 AND "+unreferred+" LIMIT $2",
			millis(s.now().Add(-uploadAge)), maxDelete)
		old, err := collect(rows, err, scanID)
		if err != nil || len(old) == 0 {
			return err
		}
		err = s.write(ctx, func(w *writing) error {
			rows, err := w.Query("DELETE FROM blob AS b WHERE b.id IN ("+sqldb.Placeholders(1, len(old))+") AND "+unreferred+" RETURNING id",
				sqldb.Args(old)...)
			gone, err := collect(rows, err, scanID)
			for _, id := range gone {
				w.orphans = append(w.orphans, s.blobPath(id))
			}
			n = len(gone)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeBlob puts content on the disk, so that it survives a power cut, before
// any row says that it is there.
func (s *Store) writeBlob(id office.ID, content []byte) error {
	_, err := s.copyBlob(id, bytes.NewReader(content))
	return err
}

// copyBlob is writeBlob for what r holds, and returns how many bytes that were.
func (s *Store) copyBlob(id office.ID, r io.Reader) (int64, error) {
	path := s.blobPath(id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncDirs(filepath.Dir(path), filepath.Join(s.dir, "blobs"), s.dir)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return n, err
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
