package store

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A backup is a gzipped tar archive:
//
//	rows/TABLE-000001.jsonl   the rows of a table, in parts of about a megabyte: the
//	                          first line is the list of columns, each further one a row
//	files/FOLDER/…            the files of the data folder
//	manifest.json             a Manifest; the last entry, so that half a backup has none
//
// It does not depend on the database it was taken from.

// A Manifest says what a backup holds.
type Manifest struct {
	Format  int           `json:"format"` // backupFormat
	Schema  int64         `json:"schema"` // of the rows: the number of the last migration
	TakenAt time.Time     `json:"takenAt"`
	Company office.Number `json:"company"` // empty where the office was not set up yet
	Entries []Entry       `json:"entries"` // all but the manifest
}

// An Entry is one file of a backup.
type Entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in hexadecimal
}

const (
	backupFormat = 1
	manifestName = "manifest.json"
	rowsFolder   = "rows/"
	filesFolder  = "files/"
	maxPart      = 1 << 20 // bytes after which the rows go on in another part
)

// kept are the folders that a backup holds beside the rows: sounds and faxes,
// recordings under way, and the office's certificate authority with its key.
var kept = []string{"blobs", "recordings", "tls"}

// Backup writes a backup of everything that is kept now to w, while the store is
// in use: all rows are of one moment, and no file that they need goes away
// meanwhile.
func (s *Store) Backup(ctx context.Context, w io.Writer) (Manifest, error) {
	defer s.holdFiles()()
	a, err := newArchive(w, s.now())
	if err != nil {
		return Manifest{}, err
	}
	if c, err := s.Company(ctx); err == nil {
		a.manifest.Company = c.Number
	}
	if err := s.backupRows(ctx, a); err != nil {
		return Manifest{}, fmt.Errorf("backing up: %w", err)
	}
	// Files come behind the rows: what was added since has no row yet, and goes
	// at the first start on the restored data.
	for _, folder := range kept {
		if err := a.folder(ctx, s.dir, folder); err != nil {
			return Manifest{}, fmt.Errorf("backing up: %w", err)
		}
	}
	if err := a.close(); err != nil {
		return Manifest{}, fmt.Errorf("backing up: %w", err)
	}
	return a.manifest, nil
}

// backupRows writes all tables as of one moment.
func (s *Store) backupRows(ctx context.Context, a *archive) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	tables, err := tablesOf(sub)
	if err != nil {
		return err
	}
	if a.manifest.Schema, err = schemaOf(sub); err != nil {
		return err
	}
	return s.db.Snapshot(ctx, func(tx *sqldb.Tx) error {
		for _, table := range tables {
			p := parts{archive: a, table: table}
			if err := eachRow(tx, table, p.row); err != nil {
				return err
			}
			if err := p.flush(); err != nil {
				return err
			}
		}
		return nil
	})
}

// parts writes the rows of one table, a part at a time.
type parts struct {
	archive *archive
	table   string
	count   int
	text    bytes.Buffer
}

func (p *parts) row(columns []string, values []any) error {
	lines := json.NewEncoder(&p.text)
	if p.text.Len() == 0 {
		if err := lines.Encode(columns); err != nil {
			return err
		}
	}
	if err := lines.Encode(values); err != nil {
		return err
	}
	if p.text.Len() < maxPart {
		return nil
	}
	return p.flush()
}

func (p *parts) flush() error {
	if p.text.Len() == 0 {
		return nil
	}
	p.count++
	name := fmt.Sprintf("%s%s-%06d.jsonl", rowsFolder, p.table, p.count)
	err := p.archive.add(name, int64(p.text.Len()), &p.text)
	p.text.Reset()
	return err
}

// An archive is a backup while it is written.
type archive struct {
	zip      *gzip.Writer
	tar      *tar.Writer
	manifest Manifest
}

func newArchive(w io.Writer, now time.Time) (*archive, error) {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // sounds are compressed already
	if err != nil {
		return nil, err
	}
	m := Manifest{Format: backupFormat, TakenAt: now.UTC().Truncate(time.Second)}
	return &archive{zip, tar.NewWriter(zip), m}, nil
}

// add writes an entry of size bytes, which r must have.
func (a *archive) add(name string, size int64, r io.Reader) error {
	h := &tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: a.manifest.TakenAt, Typeflag: tar.TypeReg}
	if err := a.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(a.tar, sum), r, size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a.manifest.Entries = append(a.manifest.Entries, Entry{name, size, sumOf(sum)})
	return nil
}

func sumOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// folder adds the files below folder of dir. One that is not there is empty.
func (a *archive) folder(ctx context.Context, dir, folder string) error {
	return filepath.WalkDir(filepath.Join(dir, folder), func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // the folder; or a file that goes without its row, such as one half written
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return a.add(filesFolder+filepath.ToSlash(name), info.Size(), f) // a recording may grow behind that
	})
}

// close writes the manifest and the end of the archive.
func (a *archive) close() error {
	text, err := json.Marshal(a.manifest)
	if err != nil {
		return err
	}
	h := &tar.Header{Name: manifestName, Size: int64(len(text)), Mode: 0o600, ModTime: a.manifest.TakenAt, Typeflag: tar.TypeReg}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	if _, err := a.tar.Write(text); err != nil {
		return err
	}
	return errors.Join(a.tar.Close(), a.zip.Close())
}
