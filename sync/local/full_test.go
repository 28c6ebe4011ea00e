package local

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"syscall"
	"testing"

	"timbre/internal/sqldb"
)

// A copy that could only be read is written to as soon as there is room.
func TestFullMirrorGoesOnWhenThereIsRoom(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	editedProfile(t, dir)
	db, err := openDatabase(ctx, filepath.Join(dir, databaseFile), sqldb.OpenToRead)
	if err != nil {
		t.Fatal(err)
	}
	m := &Mirror{dir: dir, limit: DefaultBlobLimit}
	m.db.Store(db)
	defer m.Close()
	if got := ids(t, m, Filter{}); got != "v3 v1 " {
		t.Errorf("got %q", got)
	}
	if _, err := m.Search(ctx, "102", 10); err != nil {
		t.Errorf("search: %v", err)
	}
	if err := m.MarkVoicemail(ctx, "v1", true); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, m, Filter{}); got != "v3 v1* " {
		t.Errorf("got %q", got)
	}
}

func TestFullDiskIsKnown(t *testing.T) {
	if !isFull(&filepathError{syscall.ENOSPC}) || isFull(errors.New("another")) || isFull(nil) {
		t.Error("not told apart")
	}
}

type filepathError struct{ error }

func (e *filepathError) Unwrap() error { return e.error }

// Downloads leave room for the mirror itself.
func TestRoomOnTheDisk(t *testing.T) {
	for _, c := range []struct{ free, size, want int64 }{
		{500 << 30, 1000 << 30, 500<<30 - 100<<20},
		{100 << 20, 1000 << 30, 0},
		{50 << 20, 1000 << 30, 0},
		{30 << 20, 64 << 20, 30<<20 - (64<<20)/10},
		{1 << 20, 64 << 20, 0},
		{0, 0, math.MaxInt64},
	} {
		if got := roomOf(c.free, c.size); got != c.want {
			t.Errorf("%d free of %d: room for %d, want %d", c.free, c.size, got, c.want)
		}
	}
	if free, size, err := diskRoom(t.TempDir()); err != nil || free < 0 || size < free {
		t.Errorf("%d of %d, %v", free, size, err)
	}
}
