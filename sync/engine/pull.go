package engine

import (
	"context"
	"errors"
	"fmt"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// setting returns the part that fetches the settings t.
func (x *exchange) setting(t local.Type) part {
	id := ""
	return part{
		of: t,
		add: func(r *jmap.Request) {
			id = r.Call(string(t)+"/get", jmap.GetArgs{AccountID: x.account(), IDs: []jmap.ID{jmap.ID(office.Singleton)}})
		},
		take: func(ctx context.Context, response *jmap.Response) (bool, error) {
			var now jmap.GetResponse
			if err := response.Find(id, &now); err != nil {
				return false, err
			}
			if len(now.List) != 1 || now.State == "" {
				return false, fmt.Errorf("%w: settings without an object", office.ErrUnavailable)
			}
			known, err := x.l.mirror.State(ctx, t)
			switch {
			case err != nil || known == now.State:
				return false, err
			case known == "":
				return false, x.l.mirror.Replace(ctx, t, now.State, now.List)
			}
			return false, x.l.mirror.Apply(ctx, local.Page{Type: t, Since: known, State: now.State, Objects: now.List})
		},
	}
}

// A pulling is what is known of one list before a round.
type pulling struct {
	x     *exchange
	t     local.Type
	since string     // the mirror's state
	read  local.Read // the place of a full read, where one goes on
	size  int        // of a page, in objects
	over  bool       // read is: another has begun
}

// pulling returns what is known of t now; reading says whether a full read goes on.
func (x *exchange) pulling(ctx context.Context, t local.Type) (p *pulling, reading bool, err error) {
	p = &pulling{x: x, t: t, size: x.pageSize()}
	if reading, err = x.l.mirror.Reading(ctx, t); err != nil {
		return nil, false, err
	}
	if reading {
		if p.read, err = x.l.mirror.BeginRead(ctx, t); err != nil {
			return nil, false, err
		}
	}
	p.since, err = x.l.mirror.State(ctx, t)
	return p, reading, err
}

// list returns the parts that fetch what changed of t, and the next page of its
// full read, where one goes on; reading says so.
func (x *exchange) list(ctx context.Context, t local.Type) (parts []part, reading bool, err error) {
	p, reading, err := x.pulling(ctx, t)
	if err != nil {
		return nil, false, err
	}
	// The first page of a full read comes with a state of its own; the mirror's
	// may be what the server has forgotten.
	if p.since != "" && (!reading || p.read.After != "") {
		parts = append(parts, p.changes())
	}
	switch {
	case reading && t == local.ExtensionType: // it cannot be queried
		parts = append(parts, p.all())
	case reading:
		parts = append(parts, p.page())
	}
	return parts, reading, nil
}

// changes returns the part that fetches what changed since p.since, with the
// objects.
func (p *pulling) changes() part {
	var changes, created, updated string
	name := string(p.t) + "/changes"
	return part{
		of: p.t,
		add: func(r *jmap.Request) {
			changes = r.Call(name, jmap.ChangesArgs{AccountID: p.x.account(), SinceState: p.since, MaxChanges: &p.size})
			get := func(path string) string {
				return r.Call(string(p.t)+"/get", jmap.GetArgs{AccountID: p.x.account(), IDsOf: &jmap.ResultReference{ResultOf: changes, Name: name, Path: path}})
			}
			created, updated = get("/created"), get("/updated")
		},
		take: func(ctx context.Context, response *jmap.Response) (bool, error) {
			more, err := p.takeChanges(ctx, response, changes, created, updated)
			if isMethodError(err, jmap.CannotCalculateChanges) {
				return true, p.again(ctx)
			}
			return more, err
		},
	}
}

func (p *pulling) takeChanges(ctx context.Context, response *jmap.Response, changesID, createdID, updatedID string) (more bool, err error) {
	var changes jmap.ChangesResponse
	var created, updated jmap.GetResponse
	if err := response.Find(changesID, &changes); err != nil {
		return false, err
	}
	if err := errors.Join(response.Find(createdID, &created), response.Find(updatedID, &updated)); err != nil {
		return false, err
	}
	page := local.Page{Type: p.t, Since: p.since, State: changes.NewState, Objects: append(created.List, updated.List...)}
	if page.State == "" || changes.HasMoreChanges && page.State == page.Since {
		return false, fmt.Errorf("%w: changes without a new state", office.ErrUnavailable)
	}
	for _, id := range changes.Destroyed {
		page.Destroyed = append(page.Destroyed, office.ID(id))
	}
	if page.State == page.Since && len(page.Objects)+len(page.Destroyed) == 0 {
		return false, nil
	}
	if err := p.x.l.mirror.Apply(ctx, page); err != nil {
		return false, err
	}
	p.read.Since = page.State // it was this process that moved on
	return changes.HasMoreChanges, p.goesOn(page, changes.HasMoreChanges)
}

// goesOn returns office.ErrUnavailable where the changes lead nowhere: they come
// back to a state that was left, or bring nothing again and again.
func (p *pulling) goesOn(page local.Page, more bool) error {
	x := p.x
	if !more {
		delete(x.states, p.t)
		delete(x.idle, p.t)
		return nil
	}
	if x.states[p.t] == nil {
		x.states[p.t] = &circle[string]{}
		x.states[p.t].closes(page.Since)
	}
	if x.states[p.t].closes(page.State) {
		return fmt.Errorf("%w: the same state again", office.ErrUnavailable)
	}
	if x.idle[p.t]++; len(page.Objects)+len(page.Destroyed) > 0 {
		x.idle[p.t] = 0
	}
	if x.idle[p.t] > maxIdle {
		return fmt.Errorf("%w: changes without an end", office.ErrUnavailable)
	}
	return nil
}

// again begins to read everything anew.
func (p *pulling) again(ctx context.Context) error {
	p.x.e.log.Info("reading everything anew", "type", p.t)
	p.over = true
	delete(p.x.places, p.t)
	delete(p.x.states, p.t)
	if p.x.anew[p.t]++; p.x.anew[p.t] > maxAnew {
		return fmt.Errorf("%w: it does not know its own state", office.ErrUnavailable)
	}
	_, err := p.x.l.mirror.AgainRead(ctx, p.t)
	return err
}

// all returns the part that reads a list at once, unless it is too long.
func (p *pulling) all() part {
	id := ""
	return part{
		of:  p.t,
		add: func(r *jmap.Request) { id = r.Call(string(p.t)+"/get", jmap.GetArgs{AccountID: p.x.account()}) },
		take: func(ctx context.Context, response *jmap.Response) (bool, error) {
			var got jmap.GetResponse
			err := response.Find(id, &got)
			if isMethodError(err, jmap.RequestTooLarge) { // then in pages, as what changed since there was nothing
				got, err = jmap.GetResponse{State: office.NoState}, nil
			}
			if err != nil {
				return false, err
			}
			return true, p.x.l.mirror.Replace(ctx, p.t, got.State, got.List) // and what changed meanwhile
		},
	}
}

func (x *exchange) account() jmap.ID { return jmap.ID(x.l.account.ID) }

// pageSize returns of how many objects at most is asked at once.
func (x *exchange) pageSize() int {
	return min(jmap.DefaultLimits.MaxObjectsInGet, limitsOf(x.l).MaxObjectsInGet)
}
