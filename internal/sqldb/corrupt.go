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
