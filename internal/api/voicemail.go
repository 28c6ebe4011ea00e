package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// voicemails is the JMAP type Voicemail: the messages left for an extension.
type voicemails struct {
	list
	store   *store.Store
	account office.ID
}

func newVoicemails(s *store.Store, account office.ID) voicemails {
	return voicemails{store: s, account: account, list: table[office.Voicemail, store.VoicemailFilter]{
		sortedBy: "receivedAt",
		takes:    func(f filter) bool { return f.Kind == "" },
		filter: func(f filter) store.VoicemailFilter {
			return store.VoicemailFilter{After: f.After, Before: f.Before, IsNew: f.IsNew, Text: f.Text}
		},
		row:  func(v office.Voicemail) row { return row{v.ID, v} },
		rows: s.Voicemails, query: s.QueryVoicemails, count: s.CountVoicemails, place: s.PlaceOfVoicemail,
	}.of(account)}
}

// set applies what can be applied in one commit and says for each other object
// why not (RFC 8620 §5.3). Messages are made by callers alone.
func (k voicemails) set(ctx context.Context, a jmap.SetArgs) (jmap.SetResponse, error) {
	answer := newSetResponse()
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
		isNew, refused := readIsNew(patch)
		if refused != nil {
			answer.NotUpdated[id] = *refused
			continue
		}
		change.IsNew[office.ID(id)] = isNew
	}
	done, err := k.store.SetVoicemails(ctx, k.account, change)
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

// readIsNew returns the value of isNew, the only property that a user may set.
func readIsNew(patch jmap.Patch) (isNew bool, refused *jmap.SetError) {
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
