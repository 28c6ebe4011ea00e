package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// Limits of clicks of one account.
const (
	clickMemory = 24 * time.Hour // how long the answer to one is remembered
	clickSpan   = time.Minute
	maxInSpan   = 20 // clicks within clickSpan
)

// errOtherWish says that a key was used for something else.
var errOtherWish = errors.New("another wish has that key")

// clicks sees to it that a wish that comes twice is fulfilled once. Answers are
// kept in the store, also across a restart; what is here is only what goes on now.
// The caller passes the time. It is safe for concurrent use.
type clicks struct {
	store *store.Store
	log   *slog.Logger

	mu     sync.Mutex
	going  map[clickKey]*click       // guarded by mu
	recent map[office.ID][]time.Time // guarded by mu; by account, oldest first, at most maxInSpan
}

func newClicks(s *store.Store, log *slog.Logger) *clicks {
	return &clicks{store: s, log: log, going: map[clickKey]*click{}, recent: map[office.ID][]time.Time{}}
}

// A clickKey is the key that a client made for a click.
type clickKey struct {
	account office.ID
	key     string
}

// name is that under which the answer is kept.
func (k clickKey) name() string { return "call " + k.key }

// A wish is what one click asks for.
type wish struct {
	Number office.Number `json:"number"`
	Ring   string        `json:"ring"`
}

// An outcome is what became of a wish.
type outcome struct {
	Wish    wish         `json:"wish"`
	ID      office.ID    `json:"id,omitempty"`      // of the call
	Refusal office.Error `json:"refusal,omitempty"` // why there is none
}

// answer returns what becomes of the same key with wish w.
func (o outcome) answer(w wish) (office.ID, error) {
	switch {
	case o.Wish != w:
		return "", errOtherWish
	case o.Refusal != "":
		return "", o.Refusal
	}
	return o.ID, nil
}

// A click is one wish that is being granted.
type click struct {
	wish wish
	done chan struct{} // closed when what follows is set
	id   office.ID
	err  error
}

// once returns what do returned for the key before, or runs it; who comes while it
// runs waits. What can be tried again is not remembered. errOtherWish: the key was
// used for another wish; office.ErrTooMany: the account has too many wishes.
func (c *clicks) once(ctx context.Context, k clickKey, w wish, now time.Time, do func() (office.ID, error)) (office.ID, error) {
	one, first := c.enter(k, w)
	if !first {
		if one.wish != w {
			return "", errOtherWish
		}
		select {
		case <-one.done:
			return one.id, one.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	defer func() { // also where do panics
		c.mu.Lock()
		delete(c.going, k)
		c.mu.Unlock()
		close(one.done)
	}()
	one.err = office.ErrUnavailable // until it is known
	one.id, one.err = c.grant(context.WithoutCancel(ctx), k, w, now, do)
	return one.id, one.err
}

// enter returns the click with key k that goes on, and whether it was begun now.
func (c *clicks) enter(k clickKey, w wish) (one *click, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one, ok := c.going[k]; ok {
		return one, false
	}
	one = &click{wish: w, done: make(chan struct{})}
	c.going[k] = one
	return one, true
}

// grant grants a wish, unless it was granted or refused before.
func (c *clicks) grant(ctx context.Context, k clickKey, w wish, now time.Time, do func() (office.ID, error)) (office.ID, error) {
	kept, ok, err := c.store.Recall(ctx, k.account, k.name())
	if err != nil {
		return "", err
	}
	if ok {
		var o outcome
		if err := json.Unmarshal([]byte(kept), &o); err != nil {
			return "", fmt.Errorf("reading an earlier answer: %w", err)
		}
		return o.answer(w)
	}
	if !c.admit(k.account, now) {
		return "", office.ErrTooMany
	}
	id, err := do()
	if isTransient(err) {
		return id, err
	}
	o := outcome{Wish: w, ID: id}
	errors.As(err, &o.Refusal)
	text, failed := json.Marshal(o)
	if failed == nil {
		_, _, failed = c.store.Remember(ctx, k.account, k.name(), string(text), now.Add(clickMemory))
	}
	if failed != nil { // the telephones ring: that is no reason to call again
		c.log.Error("call not remembered", "account", k.account, "err", failed)
	}
	return id, err
}

// admit reports whether the account may have one more wish, and counts it.
func (c *clicks) admit(account office.ID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.recent[account]
	for len(all) > 0 && now.Sub(all[0]) >= clickSpan {
		all = all[1:]
	}
	ok := len(all) < maxInSpan
	if ok {
		all = append(all, now)
	}
	c.recent[account] = all
	return ok
}

// isTransient reports whether the same wish may be granted a moment later.
func isTransient(err error) bool {
	var code office.Error
	return err != nil && (!errors.As(err, &code) || code == office.ErrUnavailable || code == office.ErrTooMany)
}
