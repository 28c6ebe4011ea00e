package engine

import "timbre/internal/office"

// presenceType is the JMAP type of what everybody is doing now. It is kept in
// memory alone, while Run listens.
const presenceType = "Presence"

// A presence is what was last heard of what everybody is doing.
type presence struct {
	of    map[office.ID]office.PresenceState // nil: nothing was heard
	state string                             // the server's
	asked int                                // counts the wishes to hear of it
	heard int                                // the last wish that was fulfilled
}

// Presence returns what the extensions of the directory are doing now, by their
// entries' IDs. Nothing is known while Run does not run or the server cannot be
// reached.
func (e *Engine) Presence() map[office.ID]office.PresenceState {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.presence.of // it is replaced, never changed
}

// wantPresence lets the next sync ask for it unless it is known in that state, and
// reports whether it will.
func (e *Engine) wantPresence(state string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if state != "" && state == e.presence.state {
		return false
	}
	e.presence.asked++
	return true
}

func (e *Engine) presenceWanted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.presence.asked != e.presence.heard
}

func (e *Engine) presenceAsked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.presence.asked
}

// setPresence takes what the server answered to a wish.
func (e *Engine) setPresence(asked int, state string, of map[office.ID]office.PresenceState) {
	e.mu.Lock()
	e.presence.heard, e.presence.state, e.presence.of = asked, state, of
	e.mu.Unlock()
	e.announce(PresenceKind)
}

// forgetPresence is for when nobody tells of it any more.
func (e *Engine) forgetPresence() {
	e.mu.Lock()
	known := e.presence.of != nil
	e.presence.of, e.presence.state = nil, ""
	e.mu.Unlock()
	if known {
		e.announce(PresenceKind)
	}
}
