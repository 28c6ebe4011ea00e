package api

import (
	"context"
	"encoding/json"
	"slices"

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
		takes:    func(f filter) bool { return f.Kind == "" && f.State == "" },
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
	state, err := wantedState(a)
	if err != nil {
		return answer, err
	}
	change := store.VoicemailSet{IfInState: state, IsNew: map[office.ID]bool{}, Destroy: officeIDs(a.Destroy)}
	edits, err := k.edits(ctx, a, func(any) []string { return []string{"isNew"} }, &answer)
	if err != nil {
		return answer, err
	}
	for id, changed := range edits {
		isNew, said, refused := readIsNew(changed)
		switch {
		case refused != nil:
			answer.NotUpdated[jmap.ID(id)] = *refused
		case said:
			change.IsNew[id] = isNew
		default:
			answer.Updated[jmap.ID(id)] = json.RawMessage("null")
		}
	}
	done, err := k.store.SetVoicemails(ctx, k.account, change)
	if err != nil {
		return answer, err
	}
	enter(&answer, a, done)
	return answer, nil
}

// enter completes the answer to a /set by what the store did.
func enter(answer *jmap.SetResponse, a jmap.SetArgs, done store.SetResult) {
	answer.OldState, answer.NewState = jmap.KnownState(done.OldState), string(done.NewState)
	for _, id := range done.Updated {
		answer.Updated[jmap.ID(id)] = json.RawMessage("null")
	}
	answer.Destroyed = jmapIDs(done.Destroyed)
	for _, id := range jmapIDs(done.NotFound) {
		refuse(answer, a, id, jmap.SetError{Type: jmap.NotFound})
	}
}

// refuse enters why an object was not destroyed, or not updated.
func refuse(answer *jmap.SetResponse, a jmap.SetArgs, id jmap.ID, why jmap.SetError) {
	if slices.Contains(a.Destroy, id) {
		answer.NotDestroyed[id] = why
	} else {
		answer.NotUpdated[id] = why
	}
}
