//go:build unix

package store

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Disk returns how many bytes of the disk of the data folder are in use, and how
// many there are for those who use it: what only root may still fill is not
// counted.
func (s *Store) Disk(context.Context) (used, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.dir, &st); err != nil {
		return 0, 0, fmt.Errorf("looking at the disk of %s: %w", s.dir, err)
	}
	block := int64(st.Bsize)
	used = (int64(st.Blocks) - int64(st.Bfree)) * block
	return used, used + int64(st.Bavail)*block, nil
}
