//go:build unix

package local

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// isFull reports whether err says that the disk is full.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// diskRoom returns how many octets the disk of a folder has for this user, and how
// many it has in all.
func diskRoom(folder string) (free, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, fmt.Errorf("looking at the disk: %w", err)
	}
	block := int64(s.Bsize) // not of the same type everywhere
	return int64(s.Bavail) * block, int64(s.Blocks) * block, nil
}
