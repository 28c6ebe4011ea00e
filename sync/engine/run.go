package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Times of the parts of Run.
const (
	pollStreaming = 5 * time.Minute  // between syncs while the event source tells of changes
	pollAlone     = 15 * time.Second // between syncs without it
	watchEvery    = time.Second      // how soon changes by another process are seen
	firstBackoff  = time.Second
	lastBackoff   = 30 * time.Second
)

// backoff returns how long to wait after so many failures before; random is
// from 0 to 1 and keeps a hundred clients from coming back at once.
func backoff(failures int, random float64) time.Duration {
	d := lastBackoff
	if failures < 5 {
		d = firstBackoff << failures
	}
	return time.Duration(float64(d) * (0.5 + random/2))
}

// Run keeps the local copy in step until ctx ends, and then returns nil. While
// nobody is logged in, or the session has ended, it waits for a login. It is
// called once.
func (e *Engine) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	e.part(&parts, "watch", func() { e.watchLoop(ctx) })
	if e.offline {
		return nil
	}
	var streaming atomic.Bool
	e.part(&parts, "stream", func() { e.streamLoop(ctx, &streaming) })
	if !e.lazy {
		e.part(&parts, "downloads", func() { e.downloadLoop(ctx) })
	}
	e.part(&parts, "sync", func() { e.syncLoop(ctx, &streaming) })
	return nil
}

// part runs one part of Run. A panic, which no answer of a server should be able
// to cause, ends that part and not the app.
func (e *Engine) part(parts *sync.WaitGroup, name string, run func()) {
	parts.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				e.log.Error("part of the engine ended", "part", name, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		run()
	})
}

// syncLoop syncs when something happened here or there, and now and then. After
// the end of a session it waits for another login.
func (e *Engine) syncLoop(ctx context.Context, streaming *atomic.Bool) {
	var greeted, ended *login
	failures := 0
	for {
		var next <-chan time.Time // nil: only a wake
		if l, err := e.current(); err == nil && l != ended {
			err = e.SyncOnce(ctx)
			if err == nil && l != greeted {
				greeted = l
				e.greet(ctx, l)
			}
			switch {
			case err == nil:
				failures = 0
				next = time.After(e.untilNext(ctx, l, streaming.Load()))
				wake(e.tasks.blobs)
				if !streaming.Load() {
					wake(e.tasks.stream)
				}
			case errors.Is(err, office.ErrSession):
				ended = l
			default:
				e.log.Debug("not synced", "err", err)
				if next = e.pause(ctx, err, failures); next == nil {
					return
				}
				failures++
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-next:
		case <-e.tasks.sync:
		}
	}
}

// pause returns what ends the wait after a failure, of which there were so many
// before. What the server asks for it waits for itself, whatever happens here; it
// returns nil where ctx ends meanwhile.
func (e *Engine) pause(ctx context.Context, err error, failures int) <-chan time.Time {
	wait := time.After(backoff(failures, rand.Float64()))
	var asked *delayed
	if !errors.As(err, &asked) {
		return wait
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(asked.after):
		return wait
	}
}

// greet fetches session object and SIP account once per process: the office may
// have another address for the phone now.
func (e *Engine) greet(ctx context.Context, l *login) {
	c, err := l.door()
	if err == nil {
		err = e.refresh(ctx, l, c)
	}
	if err != nil {
		e.log.Info("session not refreshed", "err", err)
	}
}

// untilNext returns how long the sync loop may sleep: no longer than until the
// first edit in the outbox may be sent.
func (e *Engine) untilNext(ctx context.Context, l *login, streaming bool) time.Duration {
	d := pollAlone
	if streaming {
		d = pollStreaming
	}
	if due, waits, err := l.mirror.NextDue(ctx); err == nil && waits {
		d = min(d, max(due.Sub(e.now()), firstBackoff))
	}
	return d
}

// watchLoop sees what other processes do to the profile.
func (e *Engine) watchLoop(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var of *login
	var seen local.Stamps
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l, err := e.current()
		var now local.Stamps
		if err == nil {
			if now, err = e.tell(ctx, l); err != nil {
				continue
			}
			if k := difference(seen, now); l == of && k&(Voicemails|Faxes|Settings) != 0 {
				if _, waits, err := l.mirror.NextDue(ctx); err == nil && waits {
					wake(e.tasks.sync)
				}
			}
		} else {
			l = nil
		}
		if e.isElsewhere(l, l == of && now.Meta != seen.Meta) {
			e.follow(ctx)
		}
		of, seen = l, now
	}
}

// isElsewhere reports whether another process logged in or out, or built the
// database anew; meta says that it may have logged in to the same account again.
func (e *Engine) isElsewhere(l *login, meta bool) bool {
	id, err := local.Current(e.profile)
	if err != nil {
		return false
	}
	if l == nil {
		return id != ""
	}
	return id != l.account.ID || l.mirror.IsReplaced() || meta && newKeeper(e.profile, id).load().Token != l.secrets().Token
}

// follow takes over the account of the profile folder, unless this process was
// changing it itself.
func (e *Engine) follow(ctx context.Context) {
	release, err := e.takeTurn(ctx)
	if err != nil {
		return
	}
	defer release()
	l, err := e.current()
	if err != nil {
		l = nil
	}
	if !e.isElsewhere(l, l != nil) {
		return
	}
	if err := e.reload(ctx); err != nil {
		e.log.Warn("profile not followed", "err", err)
	}
}
