package api

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A kind is one JMAP type of an account's data.
type kind interface {
	// objects returns those of ids that there are. What is costly is told only
	// where properties name it.
	objects(ctx context.Context, ids []office.ID, properties []string) (map[office.ID]any, error)
	// all returns the ids of all objects, at most limit.
	all(ctx context.Context, limit int) ([]office.ID, error)
	// properties returns the names of what an object has.
	properties() []string
}

// A setter is a kind that clients may change.
type setter interface {
	set(ctx context.Context, args jmap.SetArgs) (jmap.SetResponse, error)
}

// A lister is a kind that clients may query.
type lister interface{ ordered() list }

// A method is a call of one of the standard methods (RFC 8620 §5) on a kind.
type method struct {
	k       kind
	t       store.Type
	feed    feed
	account office.ID
}

// do answers the method with the given verb.
func (m method) do(ctx context.Context, verb string, args json.RawMessage) (any, error) {
	l, queried := m.k.(lister)
	k, settable := m.k.(setter)
	switch {
	case verb == "get":
		return m.get(ctx, args)
	case verb == "changes":
		return m.changes(ctx, args)
	case verb == "query" && queried:
		return m.query(ctx, l.ordered(), args)
	case verb == "queryChanges" && queried:
		return nil, m.queryChanges(args)
	case verb == "set" && settable:
		return m.set(ctx, k, args)
	}
	return nil, &jmap.MethodError{Type: jmap.UnknownMethod}
}

// args reads the arguments into the struct that into points to, and checks
// that they are about the session's account.
func (m method) args(raw json.RawMessage, into any, account *jmap.ID) error {
	if refused := jmap.Decode(raw, into); refused != nil {
		return refused
	}
	if *account == "" {
		return jmap.Invalid("accountId is missing")
	}
	if office.ID(*account) != m.account {
		return &jmap.MethodError{Type: jmap.AccountNotFound}
	}
	return nil
}

func (m method) get(ctx context.Context, raw json.RawMessage) (any, error) {
	var a jmap.GetArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return nil, err
	}
	limits := jmap.DefaultLimits
	if refused := a.Check(limits); refused != nil {
		return nil, refused
	}
	if a.Properties != nil {
		known := m.k.properties()
		for _, name := range a.Properties {
			if !slices.Contains(known, name) {
				return nil, jmap.Invalid("there is no such property")
			}
		}
	}
	// The state first: what changes meanwhile is then told once more, not missed.
	state, err := m.feed.State(ctx, m.account, m.t)
	if err != nil {
		return nil, err
	}
	wanted := officeIDs(a.IDs)
	if a.IDs == nil {
		if wanted, err = m.k.all(ctx, limits.MaxObjectsInGet+1); err != nil {
			return nil, err
		}
		if len(wanted) > limits.MaxObjectsInGet {
			return nil, &jmap.MethodError{Type: jmap.RequestTooLarge}
		}
	}
	found, err := m.k.objects(ctx, wanted, a.Properties)
	if err != nil {
		return nil, err
	}
	answer := jmap.GetResponse{AccountID: a.AccountID, State: string(state), List: []json.RawMessage{}, NotFound: []jmap.ID{}}
	told := map[office.ID]bool{}
	for _, id := range wanted {
		if told[id] {
			continue
		}
		told[id] = true
		object, has := found[id]
		if !has {
			answer.NotFound = append(answer.NotFound, jmap.ID(id))
			continue
		}
		whole, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		picked, refused := jmap.Pick(whole, a.Properties)
		if refused != nil {
			return nil, refused
		}
		answer.List = append(answer.List, picked)
	}
	return answer, nil
}

func (m method) changes(ctx context.Context, raw json.RawMessage) (any, error) {
	var a jmap.ChangesArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return nil, err
	}
	if refused := a.Check(); refused != nil {
		return nil, refused
	}
	limit := jmap.DefaultLimits.MaxObjectsInGet
	if a.MaxChanges != nil {
		limit = min(limit, *a.MaxChanges)
	}
	c, err := m.feed.Changes(ctx, m.account, m.t, store.State(a.SinceState), limit)
	if err != nil {
		return nil, err
	}
	return jmap.ChangesResponse{
		AccountID: a.AccountID, OldState: a.SinceState, NewState: string(c.NewState), HasMoreChanges: c.HasMore,
		Created: jmapIDs(c.Created), Updated: jmapIDs(c.Updated), Destroyed: jmapIDs(c.Destroyed),
	}, nil
}

func (m method) query(ctx context.Context, l list, raw json.RawMessage) (any, error) {
	var a jmap.QueryArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return nil, err
	}
	if refused := a.Check(); refused != nil {
		return nil, refused
	}
	for _, c := range a.Sort {
		if c.Property != l.sortedBy || c.IsAscending == nil || *c.IsAscending { // a collation of times is none
			return nil, &jmap.MethodError{Type: jmap.UnsupportedSort}
		}
	}
	f, err := l.read(a.Filter)
	if err != nil {
		return nil, err
	}
	state, err := m.feed.State(ctx, m.account, m.t)
	if err != nil {
		return nil, err
	}
	answer := jmap.QueryResponse{AccountID: a.AccountID, QueryState: string(state)}
	limit := jmap.DefaultLimits.MaxObjectsInGet
	if a.Limit != nil && *a.Limit <= limit {
		limit = *a.Limit
	} else {
		answer.Limit = &limit
	}
	page, err := l.page(ctx, f, a, &answer)
	if err != nil {
		return nil, err
	}
	var ids []office.ID
	if page.Limit = limit; limit > 0 {
		if ids, err = l.query(ctx, f, page); err != nil {
			return nil, err
		}
	}
	answer.IDs = jmapIDs(ids)
	if a.CalculateTotal {
		n, err := l.count(ctx, f)
		if err != nil {
			return nil, err
		}
		answer.Total = &n
	}
	return answer, nil
}

// queryChanges returns why there is no answer: nobody keeps what a query once
// found.
func (m method) queryChanges(raw json.RawMessage) error {
	var a jmap.QueryChangesArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return err
	}
	if refused := a.Check(); refused != nil {
		return refused
	}
	return &jmap.MethodError{Type: jmap.CannotCalculateChanges}
}

func (m method) set(ctx context.Context, k setter, raw json.RawMessage) (any, error) {
	var a jmap.SetArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return nil, err
	}
	if refused := a.Check(jmap.DefaultLimits); refused != nil {
		return nil, refused
	}
	answer, err := k.set(ctx, a)
	answer.AccountID = a.AccountID
	answer.Trim()
	return answer, err
}

// newSetResponse returns an answer that says that nothing was done.
func newSetResponse() jmap.SetResponse {
	return jmap.SetResponse{
		Created: map[jmap.ID]json.RawMessage{}, Updated: map[jmap.ID]json.RawMessage{}, Destroyed: []jmap.ID{},
		NotCreated: map[jmap.ID]jmap.SetError{}, NotUpdated: map[jmap.ID]jmap.SetError{}, NotDestroyed: map[jmap.ID]jmap.SetError{},
	}
}

// propertiesIn returns the names of the properties of T as it travels.
func propertiesIn[T any]() []string {
	names := []string{"id"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "id" {
			names = append(names, name)
		}
	}
	return names
}

func officeIDs(ids []jmap.ID) []office.ID {
	out := make([]office.ID, len(ids))
	for i, id := range ids {
		out[i] = office.ID(id)
	}
	return out
}

// jmapIDs never returns nil, which would travel as null.
func jmapIDs(ids []office.ID) []jmap.ID {
	out := make([]jmap.ID, len(ids))
	for i, id := range ids {
		out[i] = jmap.ID(id)
	}
	return out
}
