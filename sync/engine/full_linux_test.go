package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"timbre/sync/engine"
	"timbre/sync/local"
)

// fillDisk writes a file until the disk has no room.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// On a full disk all that is here can be read; edits and syncs say why they fail, and
// work again when there is room.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a disk to fill cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ctx := context.Background()
	h := open(t)
	v := h.leave(1, 1500)
	h.call(1)
	dir := filepath.Join(disk, "profile")
	must(t, h.login(dir, engine.Options{}).Close())
	full := filepath.Join(disk, "full")
	fillDisk(t, full)

	e := profile(t, dir, engine.Options{Offline: true})
	if got := list(t, e); got != h.voicemails() {
		t.Errorf("messages %q", got)
	}
	if calls, err := e.Calls(ctx, local.Filter{}); len(calls) != 1 || err != nil {
		t.Errorf("calls %v, %v", calls, err)
	}
	if hits, err := e.Search(ctx, string(v.From.Number), 10); len(hits) == 0 || err != nil {
		t.Errorf("search %v, %v", hits, err)
	}
	if _, err := e.Directory(ctx, ""); err != nil {
		t.Errorf("directory: %v", err)
	}
	if _, _, err := e.VoicemailSettings(ctx); err != nil {
		t.Errorf("settings: %v", err)
	}
	if err := e.MarkVoicemail(ctx, v.ID, false); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("an edit: %v", err)
	}
	must(t, e.Close())

	e = profile(t, dir, engine.Options{})
	h.leave(2, 1500)
	if err := e.SyncOnce(ctx); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a sync: %v", err)
	}
	must(t, os.Remove(full))
	must(t, e.SyncOnce(ctx))
	if got := list(t, e); got != h.voicemails() {
		t.Errorf("messages %q", got)
	}
	must(t, e.Close())

	fillDisk(t, full)
	e = profile(t, dir, engine.Options{Offline: true})
	must(t, e.Logout(ctx, true))
	if folders, err := filepath.Glob(filepath.Join(dir, "account-*")); len(folders) != 0 || err != nil {
		t.Errorf("left %v, %v", folders, err)
	}
}
