package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"timbre/internal/office"
)

// smallDisk mounts a disk of so many octets, which only root may do.
func smallDisk(t *testing.T, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("a disk to fill cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill1 writes a file until the disk is full.
func fill1(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// On a full disk all is read and nothing changed.
func TestMirrorOnAFullDisk(t *testing.T) {
	ctx := context.Background()
	disk := smallDisk(t, "size=1m")
	dir := filepath.Join(disk, "account-a1")
	rows, ref := editedProfile(t, dir)
	full := filepath.Join(disk, "full")
	fill1(t, full)
	m, second := open(t, dir), open(t, dir)
	for _, m := range []*Mirror{m, second, m} {
		if got := ids(t, m, Filter{}); got != "v3 v1 " {
			t.Errorf("messages %q", got)
		}
		if got := outboxRows(t, m); got != rows {
			t.Errorf("outbox %s", got)
		}
		if got := readAll(t)(m.OpenFax(ctx, ref)); got != pdf {
			t.Errorf("document %q", got)
		}
		if _, err := m.Search(ctx, "102", 10); err != nil {
			t.Errorf("search: %v", err)
		}
		if ring, _, _ := box(t, m); ring != 40 {
			t.Errorf("settings: %d", ring)
		}
		if err := m.MarkVoicemail(ctx, "v1", true); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("an edit: %v", err)
		}
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Mirror{m, second} {
		if err := m.MarkVoicemail(ctx, "v1", true); err != nil {
			t.Errorf("there is room: %v", err)
		}
	}
	if got := ids(t, m, Filter{}); got != "v3 v1* " {
		t.Errorf("messages %q", got)
	}
	fill1(t, full)
	if err := Wipe(disk, "a1"); err != nil {
		t.Errorf("wiping: %v", err)
	}
}

// A download that fills the disk takes back what it wrote.
func TestDownloadThatFillsTheDisk(t *testing.T) {
	disk := smallDisk(t, "size=2m")
	dir := filepath.Join(disk, "a")
	m := open(t, dir)
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := fetch(m, "bv1", noise(4<<20), nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if files, err := os.ReadDir(filepath.Join(dir, blobFolder)); len(files) != 0 || err != nil {
		t.Errorf("left %v, %v", files, err)
	}
	if err := m.MarkVoicemail(context.Background(), "v1", false); err != nil {
		t.Errorf("an edit: %v", err)
	}
}

// In the background, nothing is fetched for which there is no room to spare.
func TestBackgroundDownloadsLeaveRoom(t *testing.T) {
	ctx := context.Background()
	disk := smallDisk(t, "size=4m")
	m := open(t, filepath.Join(disk, "a"))
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if missing, err := m.MissingBlobs(ctx, 10); len(missing) != 1 || err != nil {
		t.Errorf("%v, %v", missing, err)
	}
	free, size, err := diskRoom(disk)
	if err == nil {
		err = os.WriteFile(filepath.Join(disk, "nearly"), make([]byte, free-size/20), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := m.MissingBlobs(ctx, 10); len(missing) != 0 || err != nil {
		t.Errorf("%v, %v", missing, err)
	}
	if err := m.MarkVoicemail(ctx, "v1", false); err != nil {
		t.Errorf("an edit: %v", err)
	}
}
