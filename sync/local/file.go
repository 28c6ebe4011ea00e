package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// suffixes of the files in the outbox folder tell what they hold.
var suffixes = map[string]string{office.PDFType: ".pdf", office.TIFFType: ".tif"}

func suffixOf(mediaType string) string { return suffixes[mediaType] }

// typeOfFile returns the media type that the name of an outbox file tells.
func typeOfFile(file string) string {
	for mediaType, suffix := range suffixes {
		if strings.HasSuffix(file, suffix) {
			return mediaType
		}
	}
	return "application/octet-stream"
}

// keepFile seals content, at most limit octets, into a new file of the outbox
// folder. office.ErrLimit where there is more.
func (m *Mirror) keepFile(content io.Reader, limit int64, suffix string) (file string, err error) {
	key, err := m.cacheKey()
	if err != nil {
		return "", err
	}
	plain, err := io.ReadAll(io.LimitReader(content, limit+1))
	if err != nil {
		return "", fmt.Errorf("reading the file: %w", err)
	}
	if int64(len(plain)) > limit {
		return "", office.ErrLimit
	}
	file = string(office.NewID()) + suffix
	var sealed bytes.Buffer
	if err := seal(&sealed, key, file, plain); err != nil {
		return "", fmt.Errorf("sealing the file: %w", err)
	}
	return file, WriteFile(filepath.Join(m.dir, outboxFolder, file), sealed.Bytes())
}

// openFile opens a file of the outbox folder. ErrDamaged where it is not what was
// kept, or was kept under another key.
func (m *Mirror) openFile(file string) (io.ReadSeekCloser, error) {
	key, err := m.cacheKey()
	if err != nil {
		return nil, err
	}
	f, err := openSealed(filepath.Join(m.dir, outboxFolder, file), key, file)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrDamaged
	}
	return f, err
}

// File returns the content to upload for an edit that asks for it, and its media
// type. ErrDamaged where it cannot be read any more: the edit is to be refused.
func (m *Mirror) File(ctx context.Context, e Edit) (content io.ReadSeekCloser, mediaType string, err error) {
	var file string
	err = m.data().QueryRow(ctx, `SELECT file FROM outbox WHERE seq = $1`, e.Seq).Scan(&file)
	if errors.Is(err, sql.ErrNoRows) || err == nil && file == "" {
		return nil, "", office.ErrNotFound
	}
	if err != nil {
		return nil, "", m.check(err)
	}
	content, err = m.openFile(file)
	return content, typeOfFile(file), err
}

// SetGreeting queues a sound, WAV or MP3, as the mailbox's greeting, temporary
// where until is set. It is copied. It replaces one that waits or was refused.
// office.ErrGreeting where it is too large, office.ErrNotFound before the first sync, ErrLocked
// where there is no cache key.
func (m *Mirror) SetGreeting(ctx context.Context, sound io.Reader, until *time.Time, now time.Time) error {
	g := office.Greeting{Kind: office.GreetingOwn, Until: until}
	if until != nil {
		g.Kind = office.GreetingTemporary
	}
	patch, err := json.Marshal(map[string]office.Greeting{"greeting": g})
	if err != nil {
		return err
	}
	file, err := m.keepFile(sound, office.MaxGreetingBytes, "")
	if errors.Is(err, office.ErrLimit) {
		return office.ErrGreeting
	}
	if err != nil {
		return err
	}
	e := queued{Edit: Edit{Type: VoicemailSettingsType, Object: office.Singleton, Action: SendGreeting, Patch: patch}, file: file}
	var old []string
	err = m.write(ctx, func(tx *sqldb.Tx) (err error) {
		if _, err = serverHas(tx, e.Type); err != nil {
			return err
		}
		if old, err = drop(tx, `type = $1 AND action = $2`, e.Type, e.Action); err != nil {
			return err
		}
		if err := supersede(tx, e.Type, object{"greeting": nil}); err != nil {
			return err
		}
		return enqueue(tx, e, time.Time{}, now)
	}, settingStamp)
	if err != nil {
		return errors.Join(err, m.removeFiles([]string{file}))
	}
	return m.removeFiles(old)
}

// OpenGreeting returns the sound of the greeting that waits to be sent.
// office.ErrNotFound where none does.
func (m *Mirror) OpenGreeting(ctx context.Context) (io.ReadSeekCloser, error) {
	var file string
	err := m.data().QueryRow(ctx, `SELECT file FROM outbox WHERE action = $1 AND reason IS NULL`, SendGreeting).Scan(&file)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, office.ErrNotFound
	}
	if err != nil {
		return nil, m.check(err)
	}
	return m.openFile(file)
}

// OwnsFiles reports whether files wait in the outbox that only the cache key opens.
func (m *Mirror) OwnsFiles(ctx context.Context) (owns bool, err error) {
	err = m.data().QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE file <> '')`).Scan(&owns)
	return owns, m.check(err)
}

// removeFiles removes files of the outbox folder whose rows are gone; an empty
// name is none.
func (m *Mirror) removeFiles(files []string) error {
	for _, file := range files {
		if file == "" {
			continue
		}
		if err := os.Remove(filepath.Join(m.dir, outboxFolder, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("tidying the outbox: %w", err)
		}
	}
	return nil
}

// orphanAge is how old a file without a row is before it is removed: another
// process may be about to write the row.
const orphanAge = time.Hour

// sweepOutbox removes files that a crash left without a row.
func (m *Mirror) sweepOutbox(ctx context.Context) error {
	owned := map[string]bool{}
	err := m.rows(ctx, func(r *sql.Rows) error {
		var file string
		err := r.Scan(&file)
		owned[file] = true
		return err
	}, `SELECT file FROM outbox WHERE file <> ''`)
	if err != nil {
		return err
	}
	var orphans []string
	for _, folder := range []string{outboxFolder, copyFolder} {
		entries, err := os.ReadDir(filepath.Join(m.dir, folder))
		if err != nil {
			return fmt.Errorf("tidying the outbox: %w", err)
		}
		for _, e := range entries {
			info, err := e.Info()
			kept := owned[e.Name()] || folder == copyFolder && !strings.HasPrefix(e.Name(), ".") // see WriteFile
			if err == nil && !kept && time.Since(info.ModTime()) > orphanAge {
				orphans = append(orphans, filepath.Join("..", folder, e.Name()))
			}
		}
	}
	return m.removeFiles(orphans)
}

// newRef returns a fresh UUIDv7 (RFC 9562 §5.7).
func newRef(now time.Time) office.ID {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	ms := uint64(millis(now))
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return office.ID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}
