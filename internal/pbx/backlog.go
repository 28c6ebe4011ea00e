package pbx

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

const (
	maxOwed    = 10_000 // about 10 MB
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// farewellTime is how long a stop waits for what is still owed.
	farewellTime = 5 * time.Second
)

// A debt is something of a call that is over which the store has not taken yet:
// its disk is full, its database away. Until pay returns nil it may be called
// again.
type debt struct {
	log  *slog.Logger // of the call
	what string
	pay  func(context.Context) error
}

// A backlog pays debts when the store works again. add is safe for concurrent
// use; run is called once.
type backlog struct {
	wake chan struct{} // holds one token when something was added

	mu   sync.Mutex
	owed []debt // guarded by mu; the next to pay first; only run removes any
}

func newBacklog() *backlog { return &backlog{wake: make(chan struct{}, 1)} }

// add takes over a debt. Where there are too many already it is given up.
func (b *backlog) add(d debt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.owed) >= maxOwed {
		d.log.Error("given up: too much is to be written", "what", d.what)
		return
	}
	b.owed = append(b.owed, d)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run pays until ctx ends, and then once more for a short time.
func (b *backlog) run(ctx context.Context) {
	defer b.farewell(ctx)
	for {
		select {
		case <-b.wake:
		case <-ctx.Done():
			return
		}
		for wait := firstRetry; b.left() > 0; {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			wait = min(2*wait, lastRetry)
			if b.settle(ctx) {
				wait = firstRetry
			}
		}
	}
}

// farewell pays what can be paid at once and says what is lost.
func (b *backlog) farewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	for range b.left() { // each once
		b.settle(ctx)
		if ctx.Err() != nil {
			break
		}
	}
	for _, d := range b.owed { // nobody adds any more
		d.log.Error("not written before the stop", "what", d.what)
	}
}

// left returns how much is owed.
func (b *backlog) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.owed)
}

// settle pays one debt after the other and reports whether any was paid. It ends
// with the first that cannot be paid, which moves to the end of the line: it may
// be a hopeless one.
func (b *backlog) settle(ctx context.Context) (some bool) {
	for {
		b.mu.Lock()
		if len(b.owed) == 0 {
			b.owed = nil
			b.mu.Unlock()
			return some
		}
		d := b.owed[0]
		b.mu.Unlock()
		err := d.try(ctx)
		b.mu.Lock()
		b.owed = b.owed[1:]
		if err != nil {
			b.owed = append(b.owed, d)
		}
		b.mu.Unlock()
		if err != nil {
			d.log.Debug("still not written", "what", d.what, "err", err)
			return some
		}
		d.log.Info("written late", "what", d.what)
		some = true
	}
}

// try pays once. A panic is an error like any other.
func (d debt) try(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			d.log.Error("panic in a late record", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	return d.pay(ctx)
}
