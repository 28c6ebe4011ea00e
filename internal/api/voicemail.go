package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// voicemails is the JMAP type Voicemail: the messages left for an extension.
type voicemails struct{ store *store.Store }

func (voicemails) sortedBy() string { return "receivedAt" }

func (k voicemails) objects(ctx context.Context, account office.ID, ids []office.ID) (map[office.ID]any, error) {
	rows, err := k.store.Voicemails(ctx, account, ids...)
	found := make(map[office.ID]any, len(rows))
	for _, v := range rows {
		found[v.ID] = v
	}
	return found, err
}

func (k voicemails) list(account office.ID, raw json.RawMessage) (list, error) {
	f, err := readFilter(raw)
	if err != nil {
		return list{}, err
	}
	if f.Kind != "" {
		return list{}, &jmap.MethodError{Type: jmap.UnsupportedFilter}
	}
	chosen := store.VoicemailFilter{After: timeOf(f.After), Before: timeOf(f.Before), IsNew: f.IsNew, Text: f.Text}
	return list{
		after: chosen.After, before: chosen.Before,
		ids: func(ctx context.Context, p store.Page) ([]office.ID, error) {
			return k.store.QueryVoicemails(ctx, account, chosen, p)
		},
		count: func(ctx context.Context, after, before time.Time) (int, error) {
			part := chosen
			part.After, part.Before = after, before
			return k.store.CountVoicemails(ctx, account, part)
		},
		at: func(ctx context.Context, id office.ID) (time.Time, error) {
			rows, err := k.store.Voicemails(ctx, account, id)
			if err != nil || len(rows) == 0 {
				return time.Time{}, err
			}
			return rows[0].ReceivedAt, nil
		},
	}, nil
}

// set applies what can be applied in one commit and says for each other object
// why not (RFC 8620 §5.3). Messages are made by callers alone.
func (k voicemails) set(ctx context.Context, account office.ID, a jmap.SetArgs) (jmap.SetResponse, error) {
	answer := jmap.SetResponse{
		Created: map[jmap.ID]json.RawMessage{}, Updated: map[jmap.ID]json.RawMessage{}, Destroyed: []jmap.ID{},
		NotCreated: map[jmap.ID]jmap.SetError{}, NotUpdated: map[jmap.ID]jmap.SetError{}, NotDestroyed: map[jmap.ID]jmap.SetError{},
	}
	for id := range a.Create {
		answer.NotCreated[id] = jmap.SetError{Type: jmap.Forbidden}
	}
	change := store.VoicemailSet{IsNew: map[office.ID]bool{}}
	if a.IfInState != nil {
		change.IfInState = store.State(*a.IfInState)
		if *a.IfInState == "" { // to the store, that would be any state
			return answer, store.ErrStateMismatch
		}
	}
	for _, id := range a.Destroy {
		if !slices.Contains(change.Destroy, office.ID(id)) {
			change.Destroy = append(change.Destroy, office.ID(id))
		}
	}
	for id, patch := range a.Update {
		if slices.Contains(a.Destroy, id) {
			answer.NotUpdated[id] = jmap.SetError{Type: jmap.WillDestroy}
			continue
		}
		isNew, refused := readPatch(patch)
		if refused != nil {
			answer.NotUpdated[id] = *refused
			continue
		}
		change.IsNew[office.ID(id)] = isNew
	}
	done, err := k.store.SetVoicemails(ctx, account, change)
	if err != nil {
		return answer, err
	}
	answer.OldState, answer.NewState = string(done.OldState), string(done.NewState)
	for _, id := range done.Updated {
		answer.Updated[jmap.ID(id)] = json.RawMessage("null")
	}
	answer.Destroyed = jmapIDs(done.Destroyed)
	for _, id := range done.NotFound {
		missing := jmap.SetError{Type: jmap.NotFound}
		if slices.Contains(change.Destroy, id) {
			answer.NotDestroyed[jmap.ID(id)] = missing
		} else {
			answer.NotUpdated[jmap.ID(id)] = missing
		}
	}
	return answer, nil
}

// readPatch returns the value of isNew, the only property that a user may set.
func readPatch(patch jmap.Patch) (isNew bool, refused *jmap.SetError) {
	var wrong []string
	for name, value := range patch {
		if strings.Contains(name, "/") {
			return false, &jmap.SetError{Type: jmap.InvalidPatch}
		}
		switch v := string(value); {
		case name != "isNew", v != "true" && v != "false":
			wrong = append(wrong, name)
		default:
			isNew = v == "true"
		}
	}
	if len(patch) == 0 {
		return false, &jmap.SetError{Type: jmap.InvalidPatch, Description: "the patch is empty"}
	}
	if wrong != nil {
		slices.Sort(wrong)
		return false, &jmap.SetError{Type: jmap.InvalidProperties, Properties: wrong}
	}
	return isNew, nil
}
