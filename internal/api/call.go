package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
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

// set writes down qualities in one commit (RFC 8620 §5.3).
func (k calls) set(ctx context.Context, a jmap.SetArgs) (jmap.SetResponse, error) {
	answer := newSetResponse()
	for id := range a.Create {
		answer.NotCreated[id] = jmap.SetError{Type: jmap.Forbidden}
	}
	for _, id := range a.Destroy {
		answer.NotDestroyed[id] = jmap.SetError{Type: jmap.Forbidden}
	}
	state, err := wantedState(a)
	if err != nil {
		return answer, err
	}
	wanted := map[office.ID]office.Quality{}
	for id, patch := range a.Update {
		q, said, err := k.wanted(ctx, office.ID(id), patch)
		var refused *jmap.SetError
		switch {
		case errors.As(err, &refused):
			answer.NotUpdated[id] = *refused
		case err != nil:
			return answer, err
		case said:
			wanted[office.ID(id)] = q
		default:
			answer.Updated[id] = json.RawMessage("null")
		}
	}
	done, err := k.store.SetQualities(ctx, k.account, k.device, state, wanted)
	if err != nil {
		return answer, err
	}
	enter(&answer, a, done.SetResult)
	for _, id := range jmapIDs(done.NotAllowed) {
		answer.NotUpdated[id] = jmap.SetError{Type: jmap.Forbidden, Description: "the device took no part in the call"}
	}
	return answer, nil
}

// wanted returns what patch says of the session's device, the only thing that a
// user may change of a call; said is false where it changes nothing. The error is a
// *jmap.SetError where it would change more. A call that still goes on is in nobody's
// log, so that its quality must come under its own name.
func (k calls) wanted(ctx context.Context, id office.ID, patch jmap.Patch) (q office.Quality, said bool, err error) {
	own := "quality/" + string(k.device)
	if value, only := patch[own]; only && len(patch) == 1 {
		q, err := readQuality(value, own)
		return q, true, err
	}
	if patch == nil {
		refused := noPatch
		return q, false, &refused
	}
	found, err := k.list.objects(ctx, []office.ID{id}, nil)
	if err != nil {
		return q, false, err
	}
	call, there := found[id]
	if !there {
		return q, false, &jmap.SetError{Type: jmap.NotFound}
	}
	was, err := propertiesOf(call)
	if err != nil {
		return q, false, err
	}
	if isNull(was["quality"]) {
		was["quality"] = json.RawMessage("{}")
	}
	changed, refused := differences(was, patch, []string{"quality"})
	if refused != nil {
		return q, false, refused
	}
	if changed["quality"] == nil {
		return q, false, nil
	}
	return k.ownOf(was["quality"], changed["quality"], own)
}

// ownOf returns what now says of the session's device that was does not, if that is
// all in which they differ.
func (k calls) ownOf(was, now json.RawMessage, own string) (q office.Quality, said bool, err error) {
	var before, after jmap.Object
	if json.Unmarshal(was, &before) != nil || json.Unmarshal(now, &after) != nil {
		return q, false, &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{"quality"}}
	}
	value := after[string(k.device)]
	delete(before, string(k.device))
	delete(after, string(k.device))
	if value == nil || !maps.EqualFunc(before, after, same) {
		return q, false, &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{"quality"}, Description: "only " + own + " can be set"}
	}
	q, err = readQuality(value, own)
	return q, true, err
}

// readQuality reads what a device says. The error is a *jmap.SetError.
func readQuality(value json.RawMessage, name string) (q office.Quality, err error) {
	if jmap.Decode(value, &q) != nil || q.Check() != nil {
		return q, &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{name}}
	}
	return q, nil
}
