package engine

import (
	"context"
	"errors"
	"fmt"

	"timbre/internal/office"
	"timbre/sync/local"
)

// takeTurn waits until no other sync goes on in this process, and returns what
// lets the next one in.
func (e *Engine) takeTurn(ctx context.Context) (release func(), err error) {
	select {
	case e.turn <- struct{}{}:
		return func() { <-e.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// SyncOnce sends the outbox, but what waits for an undo, and fetches all
// changes. Errors: office.ErrSession where a new login is needed, ErrOffline,
// ErrFingerprint, ErrUnavailable.
func (e *Engine) SyncOnce(ctx context.Context) error {
	release, err := e.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	if e.offline {
		return office.ErrOffline
	}
	l, err := e.current()
	if err != nil {
		return err
	}
	e.setStatus(func(s *Status) { s.Syncing = true })
	err = e.sync(ctx, l)
	if errors.Is(err, local.ErrCorrupt) {
		e.log.Error("local copy damaged, building it anew", "err", err)
		if err = e.reload(ctx); err == nil { // local.Open rescues what only we know
			if l, err = e.current(); err == nil {
				err = e.sync(ctx, l)
			}
		}
	}
	e.setStatus(func(s *Status) {
		s.Syncing = false
		if ctx.Err() != nil {
			return // it was not the server's doing
		}
		s.Online, s.Err = err == nil, err
		s.SessionEnded = errors.Is(err, office.ErrSession)
	})
	if err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return nil
}

// sync repeats exchanges until both sides agree.
func (e *Engine) sync(ctx context.Context, l *login) error {
	defer e.tell(ctx, l)
	c, err := l.door()
	if err != nil {
		return err
	}
	return newExchange(e, l, c).run(ctx)
}

// hasNext reports whether an edit can be sent right now.
func (e *Engine) hasNext(ctx context.Context, l *login) bool {
	due, waits, err := l.mirror.NextDue(ctx)
	return err == nil && waits && !due.After(e.now())
}

// isWoken reports whether something happened since the sync began, here or there.
func (e *Engine) isWoken() bool {
	select {
	case <-e.tasks.sync:
		return true
	default:
		return false
	}
}
