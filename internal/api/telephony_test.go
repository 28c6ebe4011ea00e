package api_test

import (
	"context"
	"maps"
	"sync"

	"timbre/internal/office"
)

// A switchboard is the telephone side of a house: what its extensions do is set
// by the test, and who is called is written down.
type switchboard struct {
	mu        sync.Mutex
	states    map[office.Number]office.PresenceState // guarded by mu
	followers []chan struct{}                        // guarded by mu
	clicked   []click                                // guarded by mu
	refuse    error                                  // guarded by mu: what the next click comes to; nil: a call
	held      chan struct{}                          // guarded by mu: clicks wait for its end; nil: they do not
}

// A click is what the switchboard was asked for.
type click struct {
	account, device office.ID
	number          office.Number
	ring            string
}

func (b *switchboard) Presence(context.Context) map[office.Number]office.PresenceState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.states)
}

func (b *switchboard) SubscribePresence() (wake <-chan struct{}, cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := make(chan struct{}, 1)
	b.followers = append(b.followers, f)
	return f, func() {}
}

// show sets what an extension does.
func (b *switchboard) show(n office.Number, state office.PresenceState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.states == nil {
		b.states = map[office.Number]office.PresenceState{}
	}
	b.states[n] = state
	for _, f := range b.followers {
		select {
		case f <- struct{}{}:
		default:
		}
	}
}

func (b *switchboard) Click(_ context.Context, account, device office.ID, number office.Number, ring string) (office.ID, error) {
	b.mu.Lock()
	b.clicked = append(b.clicked, click{account, device, number, ring})
	refuse, held := b.refuse, b.held
	b.mu.Unlock()
	if held != nil {
		<-held
	}
	if refuse != nil {
		return "", refuse
	}
	return office.NewID(), nil
}

// script says what clicks come to from now on.
func (b *switchboard) script(refuse error, held chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse, b.held = refuse, held
}

// clicks returns what was asked for so far.
func (b *switchboard) clicks() []click {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]click(nil), b.clicked...)
}
