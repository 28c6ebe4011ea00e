package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// typePresence is the JMAP type Presence.
const typePresence store.Type = "Presence"

// presenceStep is how often at most clients are told of a new presence.
const presenceStep = time.Second

// A presence is the JMAP type Presence: what everybody in the directory is doing
// now. It is kept nowhere: its state is a sum of its objects, and only the
// changes since the present one are known. It is safe for concurrent use; its
// one goroutine lives within run.
type presence struct {
	directory
	board Board // nil: everybody is offline

	mu        sync.Mutex
	told      store.State                // guarded by mu: what event streams know of; empty before run
	followers map[chan struct{}]struct{} // guarded by mu
}

func newPresence(s *store.Store, b Board) *presence {
	return &presence{directory: directory{s}, board: b, followers: map[chan struct{}]struct{}{}}
}

// objects returns the presence of the directory's lines ids, all if ids is nil.
func (p *presence) objects(ctx context.Context, ids []office.ID, _ []string) (map[office.ID]any, error) {
	all, err := p.of(ctx, ids)
	found := make(map[office.ID]any, len(all))
	for _, one := range all {
		found[one.ID] = one
	}
	return found, err
}

func (p *presence) properties() []string { return propertiesIn[office.Presence]() }

func (p *presence) of(ctx context.Context, ids []office.ID) ([]office.Presence, error) {
	entries, err := p.store.Entries(ctx, ids)
	if err != nil {
		return nil, err
	}
	var states map[office.Number]office.PresenceState
	if p.board != nil {
		states = p.board.Presence(ctx)
	}
	all := make([]office.Presence, len(entries))
	for i, e := range entries {
		all[i] = office.Presence{ID: e.ID, State: office.Offline}
		if state, known := states[e.Number]; known {
			all[i].State = state
		}
	}
	return all, nil
}

// State returns the sum of what everybody is doing: the same for all accounts.
func (p *presence) State(ctx context.Context, _ office.ID, _ store.Type) (store.State, error) {
	all, err := p.of(ctx, nil)
	if err != nil {
		return "", err
	}
	slices.SortFunc(all, func(a, b office.Presence) int { return cmp.Compare(a.ID, b.ID) })
	sum := sha256.New()
	for _, one := range all {
		fmt.Fprintln(sum, one.ID, one.State)
	}
	return store.State(hex.EncodeToString(sum.Sum(nil)[:8])), nil
}

// Changes returns that nothing changed since the present state, and
// store.ErrCannotCalculate for any other: the client reads everything again.
func (p *presence) Changes(ctx context.Context, account office.ID, t store.Type, since store.State, _ int) (store.Changes, error) {
	now, err := p.State(ctx, account, t)
	if err == nil && now != since {
		err = store.ErrCannotCalculate
	}
	return store.Changes{OldState: since, NewState: now}, err
}

// run tells the followers of new states, at most once a presenceStep, until ctx
// ends.
func (p *presence) run(ctx context.Context, log *slog.Logger) {
	listed, cancel := p.store.Listed() // who is in the directory
	defer cancel()
	var wake <-chan struct{} // what they do
	if p.board != nil {
		wake, cancel = p.board.SubscribePresence()
		defer cancel()
	}
	for {
		state, err := p.State(ctx, "", typePresence)
		switch {
		case err == nil:
			p.tell(state)
		case ctx.Err() == nil:
			log.Error("presence not read", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(presenceStep):
		}
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-listed:
		}
	}
}

// tell wakes the followers where state is new to them.
func (p *presence) tell(state store.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if state == p.told {
		return
	}
	p.told = state
	for f := range p.followers {
		select {
		case f <- struct{}{}:
		default: // already awake
		}
	}
}

// now returns the state that followers may be told; empty: none yet.
func (p *presence) now() store.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

// follow returns a channel on which a value appears, without data, after now
// has changed. cancel ends it.
func (p *presence) follow() (wake <-chan struct{}, cancel func()) {
	f := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.followers[f] = struct{}{}
	return f, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.followers, f)
	}
}
