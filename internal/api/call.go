package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// calls is the JMAP type Call: the log of an extension. A device may say of a
// call that it took part in how good its own leg was; all else is the server's.
type calls struct {
	list
	store           *store.Store
	account, device office.ID // of the session
}

func newCalls(s *store.Store, account, device office.ID) calls {
	return calls{store: s, account: account, device: device, list: table[office.Call, store.CallFilter]{
		sortedBy: "startedAt",
		takes: func(f filter) bool {
			return f.IsNew == nil && f.State == "" && slices.Contains([]office.CallKind{"", office.Incoming, office.Outgoing, office.Missed}, f.Kind)
		},
		filter: func(f filter) store.CallFilter {
			return store.CallFilter{Kind: f.Kind, After: f.After, Before: f.Before, Text: f.Text}
		},
		row:  func(c office.Call) row { return row{c.ID, c} },
		rows: s.Calls, query: s.QueryCalls, count: s.CountCalls, place: s.PlaceOfCall,
	}.of(account)}
}

// A callWithLegs is a call whose legs are told even if there are none.
type callWithLegs struct {
	office.Call
	Legs []office.CallLeg `json:"legs"`
}

// objects adds the legs where they are asked for.
func (k calls) objects(ctx context.Context, ids []office.ID, properties []string) (map[office.ID]any, error) {
	found, err := k.list.objects(ctx, ids, properties)
	if err != nil || !slices.Contains(properties, "legs") {
		return found, err
	}
	legs, err := k.store.CallLegs(ctx, k.account, ids...)
	for id, c := range found {
		found[id] = callWithLegs{c.(office.Call), append([]office.CallLeg{}, legs[id]...)}
	}
	return found, err
}

// set writes down qualities (RFC 8620 §5.3). Each is a commit of its own.
func (k calls) set(ctx context.Context, a jmap.SetArgs) (jmap.SetResponse, error) {
	answer := newSetResponse()
	state, err := k.store.State(ctx, k.account, store.TypeCall)
	if err != nil {
		return answer, err
	}
	if a.IfInState != nil && *a.IfInState != string(state) {
		return answer, store.ErrStateMismatch
	}
	answer.OldState = jmap.KnownState(state)
	for id := range a.Create {
		answer.NotCreated[id] = jmap.SetError{Type: jmap.Forbidden}
	}
	for _, id := range a.Destroy {
		answer.NotDestroyed[id] = jmap.SetError{Type: jmap.Forbidden}
	}
	for id, patch := range a.Update {
		q, refused := k.readQuality(patch)
		if refused == nil {
			err := k.store.AddQuality(ctx, k.account, office.ID(id), k.device, q)
			switch {
			case errors.Is(err, office.ErrNotFound):
				refused = &jmap.SetError{Type: jmap.NotFound}
			case errors.Is(err, office.ErrNotAllowed):
				refused = &jmap.SetError{Type: jmap.Forbidden, Description: "the device took no part in the call"}
			case err != nil:
				return answer, err
			}
		}
		if refused != nil {
			answer.NotUpdated[id] = *refused
			continue
		}
		answer.Updated[id] = json.RawMessage("null")
	}
	state, err = k.store.State(ctx, k.account, store.TypeCall)
	answer.NewState = string(state)
	return answer, err
}

// readQuality returns what the session's device says, the only thing that a
// patch of a call may hold.
func (k calls) readQuality(patch jmap.Patch) (q office.Quality, refused *jmap.SetError) {
	own := "quality/" + string(k.device)
	value, said := patch[own]
	var wrong []string
	for name := range patch {
		if name != own {
			wrong = append(wrong, name)
		}
	}
	switch {
	case wrong != nil:
		slices.Sort(wrong)
		return q, &jmap.SetError{Type: jmap.InvalidProperties, Properties: wrong, Description: "only " + own + " can be set"}
	case !said:
		return q, &jmap.SetError{Type: jmap.InvalidPatch, Description: "the patch is empty"}
	case jmap.Decode(value, &q) != nil || q.Check() != nil:
		return q, &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{own}}
	}
	return q, nil
}
