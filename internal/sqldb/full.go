package sqldb

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// named makes the errors by which SQLite tells of a full disk and of one that is
// read-only those by which files do: syscall.ENOSPC and syscall.EROFS. Any other
// stays as it is.
func named(err error) error {
	var e sqlite3.Error
	switch {
	case !errors.As(err, &e):
	case e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC:
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	case e.Code == sqlite3.ErrReadonly || e.SystemErrno == syscall.EROFS:
		return fmt.Errorf("%w: %w", syscall.EROFS, err)
	}
	return err
}
