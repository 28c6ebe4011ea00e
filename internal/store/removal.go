package store

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// removals removes files, but none while a backup is under way: its rows may
// refer to them. The zero value removes at once.
type removals struct {
	mu    sync.Mutex
	holds int      // guarded by mu; backups under way
	later []string // guarded by mu; what to remove when they have ended. A stop leaves it to the next start
}

// holdFiles keeps all files until the function that it returns is called.
func (s *Store) holdFiles() (release func()) {
	r := &s.files
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.holds--; r.holds == 0 {
			s.removeNow(r.later)
			r.later = nil
		}
	}
}

// removeFiles removes files that no row owns any more.
func (s *Store) removeFiles(paths []string) {
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	if s.files.holds > 0 {
		s.files.later = append(s.files.later, paths...)
		return
	}
	s.removeNow(paths)
}

func (s *Store) removeNow(paths []string) {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Error("a file without an owner stays", "path", path, "err", err)
		}
	}
}
