package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"timbre/internal/office"
)

// lastBackup is the row of meta that says when a backup was last found whole.
const lastBackup = "backup"

// NoteBackup notes that a backup that was taken at a time was read back and
// found whole.
func (s *Store) NoteBackup(ctx context.Context, takenAt time.Time) error {
	return s.write(ctx, func(w *writing) error { return w.setMeta(lastBackup, strconv.FormatInt(millis(takenAt), 10)) })
}

// LastBackup returns when the last good backup was taken; the zero Time if none
// ever was.
func (s *Store) LastBackup(ctx context.Context) (time.Time, error) {
	ms, err := s.metaNumber(ctx, lastBackup)
	return at(ms), err
}

// setMeta sets one of the office's values that have no table of their own.
func (w *writing) setMeta(name, value string) error {
	_, err := w.Exec("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

// meta returns one of those values, "" where it is not there.
func (s *Store) meta(ctx context.Context, name string) (value string, err error) {
	err = s.db.QueryRow(ctx, "SELECT value FROM meta WHERE name = $1", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// metaNumber returns one of those values as a number, 0 where it is not there.
func (s *Store) metaNumber(ctx context.Context, name string) (int64, error) {
	value, err := s.meta(ctx, name)
	if err != nil || value == "" {
		return 0, err
	}
	return strconv.ParseInt(value, 10, 64)
}

// A door is how apps reach the office.
type door struct {
	URL         string             `json:"url"`
	Fingerprint office.Fingerprint `json:"fingerprint"`
}

// doorName is the row of meta that holds a door.
const doorName = "door"

// SetDoor notes where the server is reached over HTTPS, and the fingerprint that
// it shows.
func (s *Store) SetDoor(ctx context.Context, url string, print office.Fingerprint) error {
	text, err := json.Marshal(door{url, print})
	if err != nil {
		return err
	}
	if kept, err := s.meta(ctx, doorName); err != nil || kept == string(text) { // a server starts on a full disk too
		return err
	}
	return s.write(ctx, func(w *writing) error { return w.setMeta(doorName, string(text)) })
}

// Door returns what SetDoor noted last, for who invites while no server runs;
// empty where none ever did.
func (s *Store) Door(ctx context.Context) (url string, print office.Fingerprint, err error) {
	text, err := s.meta(ctx, doorName)
	if err != nil || text == "" {
		return "", "", err
	}
	var d door
	err = json.Unmarshal([]byte(text), &d)
	return d.URL, d.Fingerprint, err
}
