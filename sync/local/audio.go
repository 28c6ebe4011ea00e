package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// audioSuffix is the extension of the files in the audio folder.
const audioSuffix = ".mp3"

// audioPath returns the file of a blob; an id that could leave the folder is
// office.ErrNotFound.
func (m *Mirror) audioPath(blob office.ID, suffix string) (string, error) {
	if !blob.Valid() {
		return "", office.ErrNotFound
	}
	return filepath.Join(m.dir, audioFolder, string(blob)+suffix), nil
}

// Audio returns the path of a cached blob, or office.ErrNotFound. A file whose
// size is not the one that was kept is removed and not found.
func (m *Mirror) Audio(ctx context.Context, blob office.ID) (string, error) {
	path, err := m.audioPath(blob, audioSuffix)
	if err != nil {
		return "", err
	}
	var size int64
	err = m.db.QueryRow(ctx, `SELECT size FROM audio WHERE blob_id = $1`, blob).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		return "", office.ErrNotFound
	}
	if err != nil {
		return "", m.check(err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() == size {
		return path, nil
	}
	return "", errors.Join(office.ErrNotFound, m.dropAudio(ctx, blob))
}

// PartPath returns the file into which a blob is to be downloaded before it is
// handed to AddAudio; what is already there can be continued.
func (m *Mirror) PartPath(blob office.ID) (string, error) { return m.audioPath(blob, partSuffix) }

// AddAudio takes the complete download at PartPath, of size octets, into the
// cache. Another process may have done so just before.
func (m *Mirror) AddAudio(ctx context.Context, blob office.ID, size int64) error {
	part, err := m.audioPath(blob, partSuffix)
	if err != nil {
		return err
	}
	path, err := m.audioPath(blob, audioSuffix)
	if err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		if info, statErr := os.Stat(path); statErr != nil || info.Size() != size {
			return fmt.Errorf("caching audio: %w", err)
		}
	}
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO audio (blob_id, size) VALUES ($1, $2)
			ON CONFLICT (blob_id) DO UPDATE SET size = excluded.size`, blob, size)
		return err
	}, string(VoicemailType))
}

// MissingAudio returns at most limit messages whose sound is not cached, newest
// first, and how many octets are cached.
func (m *Mirror) MissingAudio(ctx context.Context, limit int) (missing []Voicemail, cached int64, err error) {
	err = m.rows(ctx, func(r *sql.Rows) error {
		v, err := scanVoicemail(r)
		missing = append(missing, v)
		return err
	}, selectVoicemail+` AND NOT EXISTS (SELECT 1 FROM audio a WHERE a.blob_id = v.blob_id)
		ORDER BY v.received_at DESC, v.id DESC LIMIT $1`, limit)
	if err == nil {
		err = m.check(m.db.QueryRow(ctx, `SELECT coalesce(sum(size), 0) FROM audio`).Scan(&cached))
	}
	return missing, cached, err
}

// TrimAudio removes the sound of messages that are gone, then, while more than
// limit octets are cached, that of the oldest heard messages. The sound of new
// messages stays, whatever the limit.
func (m *Mirror) TrimAudio(ctx context.Context, limit int64) error {
	type file struct {
		blob     office.ID
		size     int64
		gone     bool
		keepsNew bool
	}
	var files []file
	var total int64
	err := m.rows(ctx, func(r *sql.Rows) error {
		var f file
		err := r.Scan(&f.blob, &f.size, &f.gone, &f.keepsNew)
		files = append(files, f)
		total += f.size
		return err
	}, `SELECT a.blob_id, a.size, v.id IS NULL, coalesce(v.is_new, false)
		FROM audio a LEFT JOIN voicemail v ON v.blob_id = a.blob_id
		ORDER BY v.id IS NOT NULL, v.received_at`)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.gone || total > limit && !f.keepsNew {
			if err := m.dropAudio(ctx, f.blob); err != nil {
				return err
			}
			total -= f.size
		}
	}
	return m.sweepAudio(ctx)
}

// sweepAudio removes files that belong to no message: downloads of messages that
// are gone, and what a crash left between a file and its row.
func (m *Mirror) sweepAudio(ctx context.Context) error {
	known := map[string]bool{}
	err := m.rows(ctx, func(r *sql.Rows) error {
		var blob string
		err := r.Scan(&blob)
		known[blob+partSuffix], known[blob+audioSuffix] = true, true
		return err
	}, `SELECT blob_id FROM voicemail`)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(filepath.Join(m.dir, audioFolder))
	if err != nil {
		return fmt.Errorf("trimming the audio cache: %w", err)
	}
	for _, f := range files {
		if known[f.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(m.dir, audioFolder, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("trimming the audio cache: %w", err)
		}
	}
	return nil
}

// dropAudio forgets a cached blob: first the row, so that no row lies.
func (m *Mirror) dropAudio(ctx context.Context, blob office.ID) error {
	path, err := m.audioPath(blob, audioSuffix)
	if err != nil {
		return err
	}
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM audio WHERE blob_id = $1`, blob)
		return err
	}, string(VoicemailType))
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("trimming the audio cache: %w", err)
	}
	return nil
}
