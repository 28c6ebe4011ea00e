package store

import (
	"fmt"
	"os"
	"path/filepath"

	"timbre/internal/office"
)

// lockDir makes this process the only user of the data folder until the file
// that it returns is closed. office.ErrInUse: another process is.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	ok, err := tryLock(f)
	switch {
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	case !ok:
		f.Close()
		return nil, fmt.Errorf("another server uses %s: %w", dir, office.ErrInUse)
	}
	return f, nil
}
