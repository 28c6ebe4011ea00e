package api

import (
	"context"
	"encoding/json"
	"slices"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// edits returns what the updates of a /set change of the list's objects, by
// property; nothing, where one is as wanted already: a client may send back a
// whole object, with all that it may not change (RFC 8620 §5.3). settable names the
// properties of an object that a user may change. What cannot be is entered into
// the answer.
func (l list) edits(ctx context.Context, a jmap.SetArgs, settable func(object any) []string, answer *jmap.SetResponse) (map[office.ID]jmap.Object, error) {
	var ids []office.ID
	for id, patch := range a.Update {
		switch {
		case slices.Contains(a.Destroy, id):
			answer.NotUpdated[id] = jmap.SetError{Type: jmap.WillDestroy}
		case patch == nil:
			answer.NotUpdated[id] = noPatch
		default:
			ids = append(ids, office.ID(id))
		}
	}
	found, err := l.objects(ctx, ids, nil)
	if err != nil {
		return nil, err
	}
	edits := make(map[office.ID]jmap.Object, len(found))
	for _, id := range ids {
		object, there := found[id]
		if !there {
			answer.NotUpdated[jmap.ID(id)] = jmap.SetError{Type: jmap.NotFound}
			continue
		}
		was, err := propertiesOf(object)
		if err != nil {
			return nil, err
		}
		changed, refused := differences(was, a.Update[jmap.ID(id)], settable(object))
		if refused != nil {
			answer.NotUpdated[jmap.ID(id)] = *refused
			continue
		}
		edits[id] = changed
	}
	return edits, nil
}

// noPatch is why null changes nothing.
var noPatch = jmap.SetError{Type: jmap.InvalidPatch, Description: "null is no patch"}

// differences returns the properties of was that patch changes, as they will be.
// The error is invalidPatch, or invalidProperties for those that are not settable.
func differences(was jmap.Object, patch jmap.Patch, settable []string) (jmap.Object, *jmap.SetError) {
	now, refused := patch.Apply(was, nil)
	if refused != nil {
		return nil, refused
	}
	changed, wrong := jmap.Object{}, []string(nil)
	for _, name := range patch.Properties() {
		switch {
		case same(was[name], now[name]):
		case slices.Contains(settable, name):
			changed[name] = now[name]
		default:
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		return nil, &jmap.SetError{Type: jmap.InvalidProperties, Properties: wrong, Description: "not yours to change"}
	}
	return changed, nil
}

// propertiesOf returns v by its properties.
func propertiesOf(v any) (jmap.Object, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var o jmap.Object
	return o, json.Unmarshal(b, &o)
}

// unsaid returns those properties of v that a client that thinks it to be told does
// not know, null where it knows all.
func unsaid(v, told jmap.Object) (json.RawMessage, error) {
	news := jmap.Object{}
	for name, value := range v {
		if !same(value, told[name]) {
			news[name] = value
		}
	}
	if len(news) == 0 {
		return json.RawMessage("null"), nil
	}
	return json.Marshal(news)
}

// readIsNew returns the value of isNew among what is to change; said is false
// where it stays.
func readIsNew(changed jmap.Object) (isNew, said bool, refused *jmap.SetError) {
	value, said := changed["isNew"]
	if said && (isNull(value) || json.Unmarshal(value, &isNew) != nil) {
		return false, true, &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{"isNew"}}
	}
	return isNew, said, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// wantedState returns the state in which a /set wants to find the objects, empty for
// any. store.ErrStateMismatch: one that there never is.
func wantedState(a jmap.SetArgs) (store.State, error) {
	switch {
	case a.IfInState == nil:
		return "", nil
	case *a.IfInState == "":
		return "", store.ErrStateMismatch
	}
	return store.State(*a.IfInState), nil
}
