package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// presenceType is the JMAP type of what everybody is doing now. It is kept in
// memory alone, while Run listens.
const presenceType = "Presence"

// maxPresence is of how many extensions presence is asked, the first by name.
const maxPresence = 10_000

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

// A roll is one wish to know what everybody is doing, asked in one or more parts.
type roll struct {
	x     *exchange
	of    map[jmap.ID]bool // whom is asked of; nil: everybody
	asked int
	state string // before the first answer
	heard map[office.ID]office.PresenceState
}

// presence returns the parts that ask what everybody is doing: one, or one for each
// page of the directory where that is longer than a page.
func (x *exchange) presence(ctx context.Context) ([]part, error) {
	ids, err := x.lines(ctx)
	if err != nil {
		return nil, err
	}
	r := &roll{x: x, asked: x.e.presenceAsked(), heard: map[office.ID]office.PresenceState{}}
	if len(ids) <= x.pageSize() {
		return []part{r.page(nil, true)}, nil
	}
	r.of = make(map[jmap.ID]bool, len(ids))
	for _, id := range ids {
		r.of[id] = true
	}
	var parts []part
	for page := range slices.Chunk(ids, x.pageSize()) {
		parts = append(parts, r.page(page, len(parts) == (len(ids)-1)/x.pageSize()))
	}
	return parts, nil
}

// lines returns of whom presence can be asked, as far as the mirror knows the
// directory.
func (x *exchange) lines(ctx context.Context) ([]jmap.ID, error) {
	entries, err := x.l.mirror.Directory(ctx, "")
	entries = entries[:min(len(entries), maxPresence)]
	ids := make([]jmap.ID, len(entries))
	for i, e := range entries {
		ids[i] = jmap.ID(e.ID)
	}
	return ids, err
}

// page returns the part that asks of some, nil for everybody.
func (r *roll) page(ids []jmap.ID, last bool) part {
	call := ""
	return part{
		of: presenceType,
		add: func(q *jmap.Request) {
			call = q.Call(presenceType+"/get", jmap.GetArgs{AccountID: r.x.account(), IDs: ids})
		},
		take: func(ctx context.Context, response *jmap.Response) (bool, error) {
			var now jmap.GetResponse
			err := response.Find(call, &now)
			var refused *jmap.MethodError
			if err != nil && !errors.As(err, &refused) {
				return false, err
			}
			if err := r.take(now); err != nil || !last {
				return false, err
			}
			return r.end(ctx, isMethodError(err, jmap.RequestTooLarge))
		},
	}
}

func (r *roll) take(now jmap.GetResponse) error {
	if r.state == "" {
		r.state = now.State
	}
	for _, raw := range now.List {
		var one office.Presence
		if err := json.Unmarshal(raw, &one); err != nil {
			return fmt.Errorf("%w: a presence of the wrong form", office.ErrUnavailable)
		}
		r.heard[one.ID] = one.State
	}
	return nil
}

// end tells what was heard, unless the directory has become longer than what was
// asked of: then it is asked again.
func (r *roll) end(ctx context.Context, tooLarge bool) (again bool, err error) {
	ids, err := r.x.lines(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case r.of == nil && tooLarge:
		again = r.x.growing || len(ids) > r.x.pageSize()
	case r.of != nil:
		again = slices.ContainsFunc(ids, func(id jmap.ID) bool { return !r.of[id] })
	}
	if !again {
		r.x.e.setPresence(r.asked, r.state, r.heard)
	}
	return again, nil
}
