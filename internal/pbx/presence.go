package pbx

import (
	"context"
	"maps"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/trunk"
)

func isUp(s trunk.State) bool { return s.Up() }

const (
	// presencePause is the least time between two wakes of those who follow presence.
	presencePause = time.Second
	// presenceLook is how often is looked for what nobody tells: bindings that run
	// out, times of rest that are over.
	presenceLook = 10 * time.Second
)

// A board is what the extensions are doing, and who wants to know. It is safe for
// concurrent use.
type board struct {
	stirred chan struct{} // capacity 1: something may have changed

	mu        sync.Mutex
	states    map[office.Number]office.PresenceState // guarded by mu; as last told
	followers map[chan struct{}]struct{}             // guarded by mu
}

func newBoard() *board {
	return &board{stirred: make(chan struct{}, 1), followers: map[chan struct{}]struct{}{}}
}

// stir notes that something may have changed; it never waits.
func (b *board) stir() {
	select {
	case b.stirred <- struct{}{}:
	default:
	}
}

// SubscribePresence returns a channel of capacity one on which a value appears,
// without data, after states changed, at most once a second. cancel ends it.
func (p *PBX) SubscribePresence() (wake <-chan struct{}, cancel func()) {
	b, c := p.board, make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.followers[c] = struct{}{}
	b.stir()
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, c)
	}
}

// Presence returns the state of each extension; one that is left out is offline.
// It is at most a second old where somebody follows it.
func (p *PBX) Presence(ctx context.Context) map[office.Number]office.PresenceState {
	p.board.mu.Lock()
	known := p.board.states
	p.board.mu.Unlock()
	if known == nil {
		return p.look(ctx)
	}
	return maps.Clone(known)
}

// follow keeps the board until ctx ends.
func (p *PBX) follow(ctx context.Context) {
	available, cancel := p.store.Available()
	defer cancel()
	look := time.NewTicker(presenceLook)
	defer look.Stop()
	for {
		select {
		case <-p.board.stirred:
		case <-available:
		case <-look.C:
		case <-ctx.Done():
			return
		}
		b := p.board
		b.mu.Lock()
		followed := len(b.followers) > 0
		if !followed {
			b.states = nil
		}
		b.mu.Unlock()
		if !followed {
			continue
		}
		states := p.look(ctx)
		b.mu.Lock()
		if changed := !maps.Equal(states, b.states); changed && ctx.Err() == nil {
			b.states = states
			for c := range b.followers {
				select {
				case c <- struct{}{}:
				default:
				}
			}
		}
		b.mu.Unlock()
		select {
		case <-time.After(presencePause):
		case <-ctx.Done():
			return
		}
	}
}

// look returns what every extension is doing now.
func (p *PBX) look(ctx context.Context) map[office.Number]office.PresenceState {
	now := p.cfg.Now()
	exts, err := p.store.Extensions(ctx)
	if err != nil {
		p.log.Error("extensions not read", "err", err)
	}
	resting, err := p.store.Resting(ctx, now)
	if err != nil {
		p.log.Error("who rests not read", "err", err)
	}
	states := map[office.Number]office.PresenceState{}
	for _, e := range exts {
		p.mu.Lock()
		calls, ringing := p.busy[e.Number], p.ringing[e.Number]
		p.mu.Unlock()
		switch {
		case calls > ringing:
			states[e.Number] = office.InCall
		case calls > 0:
			states[e.Number] = office.Ringing
		case e.Disabled || len(p.table.Contacts(ctx, e.Number, now)) == 0: // offline
		case resting[e.Account]:
			states[e.Number] = office.DND
		default:
			states[e.Number] = office.Free
		}
	}
	return states
}
