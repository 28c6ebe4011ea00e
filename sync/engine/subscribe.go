package engine

import (
	"context"

	"timbre/sync/local"
)

// Kinds is a set of what changed.
type Kinds uint

// The kinds of changes.
const (
	Voicemails Kinds = 1 << iota
	Calls
	Faxes
	Directory
	Settings
	Contacts
	PresenceKind
	StatusKind // Status, Account or Refused

	allKinds = StatusKind<<1 - 1
)

// A Subscription wakes its reader after changes. C carries no data: after
// receiving from it, call Changed and read again what it names.
type Subscription struct {
	C <-chan struct{}

	e       *Engine
	wake    chan struct{} // C
	changed Kinds         // guarded by e.mu
}

// Subscribe returns a new subscription to the changes of the local copy and of
// the status. While Run runs, changes made by other processes are told too.
func (e *Engine) Subscribe() *Subscription {
	s := &Subscription{e: e, wake: make(chan struct{}, 1)}
	s.C = s.wake
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subs[s] = struct{}{}
	return s
}

// Changed returns what changed since the last call.
func (s *Subscription) Changed() Kinds {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	k := s.changed
	s.changed = 0
	return k
}

// Close ends the subscription; C is not closed.
func (s *Subscription) Close() {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	delete(s.e.subs, s)
}

// announce wakes all subscribers.
func (e *Engine) announce(k Kinds) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.subs {
		s.changed |= k
		wake(s.wake)
	}
}

// tell announces what changed in the mirror since the last time, by whomever,
// and returns its stamps.
func (e *Engine) tell(ctx context.Context, l *login) (local.Stamps, error) {
	now, err := l.mirror.Stamps(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("local copy not read", "err", err)
		}
		return now, err
	}
	e.mu.Lock()
	before := e.seen
	e.seen = now
	e.mu.Unlock()
	if k := difference(before, now); k != 0 {
		e.announce(k)
	}
	return now, nil
}

// difference returns what changed between two stamps. With what the user can edit,
// the outbox may have changed.
func difference(a, b local.Stamps) (k Kinds) {
	for _, part := range []struct {
		changed bool
		kinds   Kinds
	}{
		{a.Voicemails != b.Voicemails, Voicemails | StatusKind},
		{a.Faxes != b.Faxes, Faxes | StatusKind},
		{a.Settings != b.Settings, Settings | StatusKind},
		{a.Calls != b.Calls, Calls},
		{a.Directory != b.Directory, Directory},
		{a.Contacts != b.Contacts, Contacts},
		{a.Meta != b.Meta, StatusKind},
	} {
		if part.changed {
			k |= part.kinds
		}
	}
	return k
}
