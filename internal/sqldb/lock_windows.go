package sqldb

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// TryLock takes the lock on f for this process, until f is closed or the
// process ends. ok is false where another holds it.
func TryLock(f *os.File) (ok bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
