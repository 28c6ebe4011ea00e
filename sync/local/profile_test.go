package local

import (
	"path/filepath"
	"testing"

	"timbre/internal/office"
)

func TestCurrent(t *testing.T) {
	profile := t.TempDir()
	for _, id := range []office.ID{"", "a1", "a2", "", ""} {
		if err := SetCurrent(profile, id); err != nil {
			t.Fatal(err)
		}
		if got, err := Current(profile); got != id || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, id)
		}
	}
	dir, err := Folder(profile, "a1")
	if err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
	if err := Wipe(profile, "a1"); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(profile, "*")); len(left) != 0 || err != nil {
		t.Errorf("left %v, %v", left, err)
	}
}
