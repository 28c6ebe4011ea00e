package local

import (
	"context"
	"fmt"
	"os"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// lockTime is how long another process may hold a lock before this one gives up; to
// build a database anew takes less.
const lockTime = 30 * time.Second

// Lock takes the lock on the file path for this process, once no other has it, until
// release or the end of the process. It fails with office.ErrInUse where that
// takes longer than half a minute.
func Lock(ctx context.Context, path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if isFull(err) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("locking the profile: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTime, office.ErrInUse)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		ok, err := sqldb.TryLock(f)
		if ok {
			return func() { f.Close() }, nil
		}
		if err == nil {
			select {
			case <-look.C:
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		f.Close()
		return nil, fmt.Errorf("locking the profile: %w", err)
	}
}
