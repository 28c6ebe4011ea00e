package local

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/windows"
)

// isFull reports whether err says that the disk is full.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// diskRoom returns how many octets the disk of a folder has for this user, and how
// many it has in all.
func diskRoom(folder string) (free, size int64, err error) {
	path, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, 0, fmt.Errorf("looking at the disk: %w", err)
	}
	var mine, all, rest uint64
	if err := windows.GetDiskFreeSpaceEx(path, &mine, &all, &rest); err != nil {
		return 0, 0, fmt.Errorf("looking at the disk: %w", err)
	}
	return int64(min(mine, 1<<62)), int64(min(all, 1<<62)), nil
}
