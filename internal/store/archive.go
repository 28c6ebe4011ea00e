package store

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"timbre/internal/office"
)

// maxManifest bounds what is read of a manifest: half a million files fit.
const maxManifest = 64 << 20

// damaged says what is wrong with a backup.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", office.ErrBackup, fmt.Sprintf(format, args...))
}

// CheckBackup reads a whole backup and returns its manifest. office.ErrBackup:
// it is none, is damaged, or holds what a backup never does.
func CheckBackup(r io.Reader) (Manifest, error) {
	return readBackup(r, func(_ string, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

// readBackup hands each entry of a backup but the manifest to entry, which reads
// it whole, and returns the manifest when all of it was found as it says. Until
// then nothing is known to be true but the names.
func readBackup(r io.Reader, entry func(name string, content io.Reader) error) (m Manifest, err error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return m, damaged("no archive")
	}
	in := tar.NewReader(zip)
	var found []Entry
	for {
		h, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return m, damaged("it ends without its manifest")
		case err != nil:
			return m, damaged("%v", err)
		case h.Typeflag != tar.TypeReg:
			return m, damaged("%q is no plain file", h.Name)
		}
		if h.Name == manifestName {
			if m, err = readManifest(in); err != nil {
				return m, err
			}
			break
		}
		if !isEntry(h.Name) {
			return m, damaged("%q does not belong there", h.Name)
		}
		sum := sha256.New()
		if err := entry(h.Name, io.TeeReader(in, sum)); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) {
				return m, damaged("%s: %v", h.Name, err)
			}
			return m, err
		}
		found = append(found, Entry{h.Name, h.Size, sumOf(sum)})
	}
	if _, err := in.Next(); !errors.Is(err, io.EOF) {
		return m, damaged("something follows its manifest")
	}
	if _, err := io.Copy(io.Discard, zip); err != nil { // to where its own checksum is
		return m, damaged("%v", err)
	}
	return m, compare(m, found)
}

func readManifest(r io.Reader) (m Manifest, err error) {
	if err := json.NewDecoder(io.LimitReader(r, maxManifest)).Decode(&m); err != nil {
		return m, damaged("its manifest cannot be read")
	}
	if m.Format != backupFormat {
		return m, damaged("format %d is not known", m.Format)
	}
	return m, nil
}

// compare returns nil where the entries that were found are those of m.
func compare(m Manifest, found []Entry) error {
	byName := func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }
	want := slices.SortedFunc(slices.Values(m.Entries), byName)
	found = slices.SortedFunc(slices.Values(found), byName)
	for i := range found {
		if i > 0 && found[i].Name == found[i-1].Name {
			return damaged("%s is there twice", found[i].Name)
		}
		at, ok := slices.BinarySearchFunc(want, found[i], byName)
		if !ok || want[at] != found[i] {
			return damaged("%s is not what was backed up", found[i].Name)
		}
	}
	if len(found) != len(want) {
		return damaged("%d files are missing", len(want)-len(found))
	}
	return nil
}

var (
	rowsName  = regexp.MustCompile(`^rows/([a-z_]+)-[0-9]{6,}\.jsonl$`)
	wordOfSQL = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// isEntry reports whether a backup may hold an entry of that name: rows, or a
// file in one of the folders that are kept, never anything outside.
func isEntry(name string) bool {
	if rowsName.MatchString(name) {
		return true
	}
	rest, ok := strings.CutPrefix(name, filesFolder)
	if !ok || !filepath.IsLocal(rest) || path.Clean(rest) != rest || strings.ContainsAny(rest, "\\:\x00") {
		return false
	}
	parts := strings.Split(rest, "/")
	return len(parts) > 1 && slices.Contains(kept, parts[0]) &&
		!slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, ".") })
}
