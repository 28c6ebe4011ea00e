package api

import (
	"context"
	"encoding/json"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A kind is one JMAP type over the rows of the store.
type kind interface {
	// objects returns those of ids that account has.
	objects(ctx context.Context, account office.ID, ids []office.ID) (map[office.ID]any, error)
	// list reads a filter and returns what it chooses. The error is a *jmap.MethodError.
	list(account office.ID, filter json.RawMessage) (list, error)
	// sortedBy names the property by which lists are sorted, newest first.
	sortedBy() string
}

// A setter is a kind that clients may change.
type setter interface {
	set(ctx context.Context, account office.ID, args jmap.SetArgs) (jmap.SetResponse, error)
}

// A method is a call of one of the standard methods (RFC 8620 §5) on a kind.
type method struct {
	k       kind
	t       store.Type
	store   *store.Store
	account office.ID
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
	// The state first: what changes meanwhile is then told once more, not missed.
	state, err := m.store.State(ctx, m.account, m.t)
	if err != nil {
		return nil, err
	}
	wanted := officeIDs(a.IDs)
	if a.IDs == nil {
		all, err := m.k.list(m.account, nil)
		if err != nil {
			return nil, err
		}
		if wanted, err = all.ids(ctx, store.Page{Limit: limits.MaxObjectsInGet + 1}); err != nil {
			return nil, err
		}
		if len(wanted) > limits.MaxObjectsInGet {
			return nil, &jmap.MethodError{Type: jmap.RequestTooLarge}
		}
	}
	found, err := m.k.objects(ctx, m.account, wanted)
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
	c, err := m.store.Changes(ctx, m.account, m.t, store.State(a.SinceState), limit)
	if err != nil {
		return nil, err
	}
	return jmap.ChangesResponse{
		AccountID: a.AccountID, OldState: a.SinceState, NewState: string(c.NewState), HasMoreChanges: c.HasMore,
		Created: jmapIDs(c.Created), Updated: jmapIDs(c.Updated), Destroyed: jmapIDs(c.Destroyed),
	}, nil
}

func (m method) query(ctx context.Context, raw json.RawMessage) (any, error) {
	var a jmap.QueryArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return nil, err
	}
	if refused := a.Check(); refused != nil {
		return nil, refused
	}
	for _, c := range a.Sort {
		if c.Property != m.k.sortedBy() || c.IsAscending == nil || *c.IsAscending || c.Collation != "" {
			return nil, &jmap.MethodError{Type: jmap.UnsupportedSort}
		}
	}
	l, err := m.k.list(m.account, a.Filter)
	if err != nil {
		return nil, err
	}
	state, err := m.store.State(ctx, m.account, m.t)
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
	page, err := l.page(ctx, a, &answer)
	if err != nil {
		return nil, err
	}
	var ids []office.ID
	if page.Limit = limit; limit > 0 {
		if ids, err = l.ids(ctx, page); err != nil {
			return nil, err
		}
	}
	answer.IDs = jmapIDs(ids)
	if a.CalculateTotal {
		n, err := l.count(ctx, l.after, l.before)
		if err != nil {
			return nil, err
		}
		answer.Total = &n
	}
	return answer, nil
}

func (m method) set(ctx context.Context, k setter, raw json.RawMessage) (any, error) {
	var a jmap.SetArgs
	if err := m.args(raw, &a, &a.AccountID); err != nil {
		return nil, err
	}
	if refused := a.Check(jmap.DefaultLimits); refused != nil {
		return nil, refused
	}
	answer, err := k.set(ctx, m.account, a)
	answer.AccountID = a.AccountID
	return answer, err
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
