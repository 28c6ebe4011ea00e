package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// A group lets transactions that wait at the same time share one commit, the
// costly part of a small write. There is no goroutine and no delay: whoever gets
// the turn commits for all who wait.
type group struct {
	turn chan struct{} // holds a value while somebody commits

	mu    sync.Mutex
	queue []*job // guarded by mu; in order of arrival
}

// A job is one transaction that waits for its commit.
type job struct {
	fn       func(*Tx) error
	done     chan struct{} // closed when err and panicked are set
	err      error
	panicked any
}

// maxGroup bounds how many transactions share one commit, and with that how
// long the first of them waits for it: about 5 ms.
const maxGroup = 64

// write queues fn and returns when it is committed, by this call or another.
func (g *group) write(ctx context.Context, db *sql.DB, fn func(*Tx) error) error {
	j := &job{fn: fn, done: make(chan struct{})}
	g.mu.Lock()
	g.queue = append(g.queue, j)
	g.mu.Unlock()
	for !j.isDone() {
		select {
		case <-j.done:
		case g.turn <- struct{}{}:
			commit(context.WithoutCancel(ctx), db, g.take())
			<-g.turn
		case <-ctx.Done():
			if g.remove(j) {
				return ctx.Err()
			}
			<-j.done // too late to give up
		}
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}

func (j *job) isDone() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// take removes the next jobs from the queue.
func (g *group) take() []*job {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.queue), maxGroup)
	jobs := g.queue[:n:n]
	g.queue = g.queue[n:]
	return jobs
}

// remove takes j out of the queue; it returns false if j is not there any more.
func (g *group) remove(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, q := range g.queue {
		if q == j {
			g.queue = append(g.queue[:i:i], g.queue[i+1:]...)
			return true
		}
	}
	return false
}

// commit runs jobs in one transaction, each behind a savepoint, and says to
// each how it went. If the commit itself fails, it fails for all of them.
func commit(ctx context.Context, db *sql.DB, jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	defer func() {
		for _, j := range jobs {
			close(j.done)
		}
	}()
	err := writeAlone(ctx, db, func(tx *Tx) error {
		for _, j := range jobs {
			if err := j.run(tx, len(jobs) > 1); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return
	}
	for _, j := range jobs {
		if j.err == nil {
			j.err = err
		}
	}
}

// run runs one job. It returns an error only where the whole transaction must
// be given up.
func (j *job) run(tx *Tx, shared bool) error {
	if shared {
		if _, err := tx.Exec("SAVEPOINT job"); err != nil {
			return fmt.Errorf("beginning: %w", err)
		}
	}
	j.call(tx)
	switch {
	case !shared:
		return j.err
	case j.err != nil:
		if _, err := tx.Exec("ROLLBACK TO job"); err != nil {
			return fmt.Errorf("taking back: %w", err) // the database gave up the transaction by itself
		}
	}
	if _, err := tx.Exec("RELEASE job"); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// call runs fn, and keeps a panic for the goroutine that it belongs to.
func (j *job) call(tx *Tx) {
	defer func() {
		if p := recover(); p != nil {
			j.panicked = p
			j.err = fmt.Errorf("panic: %v", p)
		}
	}()
	j.err = j.fn(tx)
}
