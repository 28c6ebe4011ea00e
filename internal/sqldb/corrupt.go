package sqldb

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// IsCorrupt reports whether err says that a SQLite file is damaged or is no
// database at all.
func IsCorrupt(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}

// IsLocked reports whether err means that another process holds the database.
func IsLocked(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}
