package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A singleton is a JMAP type of which every account has one object, whose id is
// office.Singleton. T is a struct of JSON properties without the id.
type singleton[T any] struct {
	feed     feed
	account  office.ID
	t        store.Type
	initial  T        // what null sets a property to
	settable []string // the properties that a user may change
	read     func(context.Context) (T, error)
	// check returns nil if now may take the place of was, and may put now into the
	// form in which it is kept. What is wrong with it is a *jmap.SetError or a
	// sentinel of wrongProperty. Nil: whatever write takes is right.
	check func(ctx context.Context, was T, now *T) error
	// write replaces the object if it is in that state. Its errors are as those of
	// check, and store.ErrStateMismatch.
	write func(ctx context.Context, now T, ifInState store.State) (store.SetResult, error)
}

func (k singleton[T]) objects(ctx context.Context, ids []office.ID, _ []string) (map[office.ID]any, error) {
	if !slices.Contains(ids, office.Singleton) {
		return nil, nil
	}
	v, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("reading %T: %w", v, err)
	}
	return map[office.ID]any{office.Singleton: append(json.RawMessage(idOfSingleton+","), b[1:]...)}, nil // v is an object with properties
}

// idOfSingleton is how the object of a singleton begins.
const idOfSingleton = `{"id":"` + string(office.Singleton) + `"`

func (k singleton[T]) all(context.Context, int) ([]office.ID, error) {
	return []office.ID{office.Singleton}, nil
}

func (k singleton[T]) properties() []string { return propertiesIn[T]() }

// maxRaces is how often a change is tried again after another came in between.
const maxRaces = 5

// set changes the object. A change that leaves it as it is makes no new state.
func (k singleton[T]) set(ctx context.Context, a jmap.SetArgs) (jmap.SetResponse, error) {
	answer := newSetResponse()
	for id := range a.Create {
		answer.NotCreated[id] = jmap.SetError{Type: jmap.IsSingleton}
	}
	for _, id := range a.Destroy {
		answer.NotDestroyed[id] = jmap.SetError{Type: jmap.IsSingleton}
	}
	for id := range a.Update {
		if office.ID(id) != office.Singleton {
			answer.NotUpdated[id] = jmap.SetError{Type: jmap.NotFound}
		}
	}
	patch, asked := a.Update[jmap.ID(office.Singleton)]
	if asked && patch == nil {
		answer.NotUpdated[jmap.ID(office.Singleton)], asked = noPatch, false
	}
	for range maxRaces {
		state, err := k.feed.State(ctx, k.account, k.t)
		if err != nil {
			return answer, err
		}
		if a.IfInState != nil && *a.IfInState != string(state) {
			return answer, store.ErrStateMismatch
		}
		answer.OldState, answer.NewState = jmap.KnownState(state), string(state)
		if !asked {
			return answer, nil
		}
		told, after, err := k.update(ctx, patch, state)
		var refused *jmap.SetError
		switch {
		case errors.As(err, &refused):
			answer.NotUpdated[jmap.ID(office.Singleton)] = *refused
			return answer, nil
		case errors.Is(err, store.ErrStateMismatch) && a.IfInState == nil: // another came in between
			continue
		case err != nil:
			return answer, err
		}
		answer.NewState = string(after)
		answer.Updated[jmap.ID(office.Singleton)] = told
		return answer, nil
	}
	return answer, office.ErrUnavailable
}

// update applies patch to the object in the given state. It returns those
// properties that are now other than the client must think, or null, and the
// state afterwards. The error is a *jmap.SetError where the object may not be so.
func (k singleton[T]) update(ctx context.Context, patch jmap.Patch, state store.State) (told json.RawMessage, after store.State, err error) {
	was, err := k.read(ctx)
	if err != nil {
		return nil, "", err
	}
	now, err := k.patched(was, patch)
	if err != nil {
		return nil, "", err
	}
	if k.check != nil {
		if err := k.check(ctx, was, &now); err != nil {
			return nil, "", wrongProperty(err)
		}
	}
	if reflect.DeepEqual(was, now) {
		after = state
	} else {
		done, err := k.write(ctx, now, state)
		if err != nil {
			return nil, "", wrongProperty(err)
		}
		after = done.NewState
	}
	told, err = k.surprises(was, now, patch)
	return told, after, err
}

// patched returns the object was with patch applied. The error is a
// *jmap.SetError or a mistake of ours.
func (k singleton[T]) patched(was T, patch jmap.Patch) (now T, err error) {
	before, err := objectOf(was)
	if err != nil {
		return now, err
	}
	defaults, err := objectOf(k.initial)
	if err != nil {
		return now, err
	}
	changed, refused := patch.Apply(before, defaults)
	if refused != nil {
		return now, refused
	}
	var wrong []string
	for _, name := range patch.Properties() {
		if same(before[name], changed[name]) {
			continue // whoever sends the whole object sends what is read only too
		}
		if !slices.Contains(k.settable, name) || !fits[T](name, changed[name]) {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		return now, &jmap.SetError{Type: jmap.InvalidProperties, Properties: wrong}
	}
	whole, err := json.Marshal(changed)
	if err == nil {
		err = json.Unmarshal(whole, &now)
	}
	return now, err
}

// surprises returns the properties of now that a client who knows was and patch
// does not expect, null where there are none (RFC 8620 §5.3).
func (k singleton[T]) surprises(was, now T, patch jmap.Patch) (json.RawMessage, error) {
	before, err := objectOf(was)
	if err != nil {
		return nil, err
	}
	is, err := objectOf(now)
	if err != nil {
		return nil, err
	}
	expected, refused := patch.Apply(before, nil)
	if refused != nil {
		return nil, refused
	}
	return unsaid(is, expected)
}

// objectOf returns v by its properties, with the id of a singleton.
func objectOf[T any](v T) (jmap.Object, error) {
	o, err := propertiesOf(v)
	if err != nil {
		return nil, fmt.Errorf("reading %T: %w", v, err)
	}
	o["id"] = json.RawMessage(`"` + office.Singleton + `"`)
	return o, nil
}

// fits reports whether value is of the type that the property of T has.
func fits[T any](name string, value json.RawMessage) bool {
	b, err := json.Marshal(jmap.Object{name: value})
	if err != nil {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(new(T)) == nil
}

// same reports whether two JSON texts say the same.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
