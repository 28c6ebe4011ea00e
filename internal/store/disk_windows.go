package store

import (
	"context"
	"fmt"

	"golang.org/x/sys/windows"
)

// Disk returns how many bytes of the disk of the data folder are in use, and how
// many there are for those who use it.
func (s *Store) Disk(context.Context) (used, total int64, err error) {
	path, err := windows.UTF16PtrFromString(s.dir)
	if err != nil {
		return 0, 0, err
	}
	var free, size uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &size, nil); err != nil {
		return 0, 0, fmt.Errorf("looking at the disk of %s: %w", s.dir, err)
	}
	return int64(size - free), int64(size), nil
}
