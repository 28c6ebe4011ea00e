package local

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// Extensions of the files in the blob folder.
const (
	blobSuffix = ".sealed"
	partSuffix = ".part" // a download that is not complete
)

// blobPath returns the file of a blob; an id that could leave the folder is
// office.ErrNotFound.
func (m *Mirror) blobPath(blob office.ID, suffix string) (string, error) {
	if !blob.Valid() {
		return "", office.ErrNotFound
	}
	return filepath.Join(m.dir, blobFolder, blobFile(blob)+suffix), nil
}

// maxBlobName is how long an id may be to name a file: with it stands the suffix,
// and before it the folders.
const maxBlobName = 64

// blobFile returns the name of the file of a blob, without its suffix.
func blobFile(blob office.ID) string {
	if len(blob) <= maxBlobName {
		return string(blob)
	}
	sum := sha256.Sum256([]byte(blob))
	return "=" + hex.EncodeToString(sum[:]) // no id begins so
}

// Blob opens a cached blob. office.ErrNotFound where it is not cached; a file that
// is damaged, or that the key does not open, is removed and not found. ErrLocked
// where there is no cache key. What is read may still be ErrDamaged: fetch it
// again after Drop.
func (m *Mirror) Blob(ctx context.Context, blob office.ID) (io.ReadSeekCloser, error) {
	path, err := m.blobPath(blob, blobSuffix)
	if err != nil {
		return nil, err
	}
	key, err := m.cacheKey()
	if err != nil {
		return nil, err
	}
	var size int64
	err = m.data().QueryRow(ctx, `SELECT size FROM blob WHERE id = $1 AND complete`, blob).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, office.ErrNotFound
	}
	if err != nil {
		return nil, m.check(err)
	}
	r, err := openSealed(path, key, string(blob))
	if err == nil && r.size != size {
		r.Close()
		err = ErrDamaged
	}
	if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(office.ErrNotFound, m.DropBlob(ctx, blob))
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// HasBlob reports whether a blob is cached.
func (m *Mirror) HasBlob(ctx context.Context, blob office.ID) (bool, error) {
	var has bool
	err := m.data().QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM blob WHERE id = $1 AND complete)`, blob).Scan(&has)
	return has, m.check(err)
}

// DropBlob forgets a blob, whether it is complete or not: first the row, so that
// no row lies.
func (m *Mirror) DropBlob(ctx context.Context, blob office.ID) error {
	err := m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM blob WHERE id = $1`, blob)
		return err
	}, blobStamps...)
	if err != nil {
		return err
	}
	for _, suffix := range []string{blobSuffix, partSuffix} {
		path, err := m.blobPath(blob, suffix)
		if err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("dropping a blob: %w", err)
		}
	}
	return nil
}

// blobStamps are of those lists that show whether their sounds and pages are
// here.
var blobStamps = []string{VoicemailType.stamp(), FaxType.stamp()}

// A Missing is a blob that is worth downloading.
type Missing struct {
	Blob office.ID
	Size int64
	Type string // media type
	Name string // of the file, to ask the server for
}

// MissingBlobs returns at most limit sounds and pages that are not cached and for
// which there is room, in the cache and on the disk: first the new ones, then the
// others, each newest first. Faxes that the user sent are not among them.
func (m *Mirror) MissingBlobs(ctx context.Context, limit int) ([]Missing, error) {
	files, err := m.plan(ctx)
	if err != nil {
		return nil, err
	}
	free, size, err := diskRoom(m.dir)
	if err != nil {
		return nil, err
	}
	room := roomOf(free, size)
	var list []Missing
	for _, f := range files {
		if f.fits && !f.cached && len(list) < limit && room > f.Size {
			list = append(list, f.Missing)
			room -= f.Size
		}
	}
	return list, nil
}

// maxSpare is how many octets of the disk are left free at most.
const maxSpare = 100 << 20

// roomOf returns how many octets may be downloaded unasked to a disk of so many
// octets, with so many of them free. The lists and the outbox need some. A disk
// without a size is one that does not tell.
func roomOf(free, size int64) int64 {
	if size == 0 {
		return math.MaxInt64
	}
	return max(0, free-min(maxSpare, size/10))
}

// TrimBlobs removes blobs that belong to nothing any more and then, while more
// than the limit is cached, those for which there is no room: the oldest heard
// ones first, then the oldest. What waits to be sent is no blob, and stays.
func (m *Mirror) TrimBlobs(ctx context.Context) error {
	files, err := m.plan(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	var total int64
	for _, f := range files {
		if f.cached {
			total += f.Size
		}
	}
	for i := len(files) - 1; i >= 0; i-- {
		f := files[i]
		if f.cached && !f.fits && total > m.limit {
			if err := m.DropBlob(ctx, f.Blob); err != nil {
				return err
			}
			total -= f.Size
			continue
		}
		known[blobFile(f.Blob)+blobSuffix], known[blobFile(f.Blob)+partSuffix] = true, true
	}
	return m.sweepBlobs(ctx, known)
}

// A planned is a blob that belongs to a message, a fax or the greeting.
type planned struct {
	Missing
	cached bool
	fits   bool // there is room for it beside all that is worth more, and it is worth fetching unasked
}

// plan returns all blobs that belong to something, those first that are worth
// most.
func (m *Mirror) plan(ctx context.Context) (files []planned, err error) {
	var total int64
	seen := map[office.ID]bool{}
	err = m.rows(ctx, func(r *sql.Rows) error {
		var f planned
		var own bool // the user has it elsewhere
		if err := r.Scan(&f.Blob, &f.Size, &f.Type, &f.Name, &f.cached, &own); err != nil {
			return err
		}
		if seen[f.Blob] { // faxes that were sent again share a document
			return nil
		}
		seen[f.Blob] = true
		f.fits = total+f.Size <= m.limit && (f.cached || !own)
		if f.fits {
			total += f.Size
		}
		files = append(files, f)
		return nil
	}, `SELECT o.blob_id, coalesce(CASE WHEN b.complete THEN b.size END, o.size, 0), o.type, o.name, coalesce(b.complete, false), o.own FROM (
			SELECT json_extract(body, '$.greeting.blobId') AS blob_id, 0 AS size, 'audio/mpeg' AS type, 'greeting' AS name, 2 AS rank, 0 AS at, false AS own
				FROM setting WHERE type = 'VoicemailSettings' AND json_extract(body, '$.greeting.blobId') <> ''
			UNION ALL SELECT blob_id, json_extract(body, '$.size'), coalesce(json_extract(body, '$.type'), ''), id, is_new, received_at, false FROM voicemail
			UNION ALL SELECT blob_id, json_extract(body, '$.size'), coalesce(json_extract(body, '$.type'), ''), id, is_new, created_at, coalesce(json_extract(body, '$.direction') = 'out', false) FROM fax WHERE blob_id <> ''
		) o LEFT JOIN blob b ON b.id = o.blob_id ORDER BY o.rank DESC, o.at DESC`)
	return files, err
}

// sweepBlobs removes rows and files of what is not known.
func (m *Mirror) sweepBlobs(ctx context.Context, known map[string]bool) error {
	var gone []office.ID
	err := m.rows(ctx, func(r *sql.Rows) error {
		var blob office.ID
		err := r.Scan(&blob)
		if !known[blobFile(blob)+blobSuffix] {
			gone = append(gone, blob)
		}
		return err
	}, `SELECT id FROM blob`)
	if err != nil {
		return err
	}
	for _, blob := range gone {
		if err := m.DropBlob(ctx, blob); err != nil {
			return err
		}
	}
	folder := filepath.Join(m.dir, blobFolder)
	files, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("trimming the cache: %w", err)
	}
	for _, f := range files {
		if known[f.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(folder, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("trimming the cache: %w", err)
		}
	}
	return nil
}
