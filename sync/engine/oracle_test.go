package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// An oracle knows what may be there in the end.
type oracle struct {
	h         *house
	messages  map[office.ID]*fate        // voicemails, and faxes that came in
	deletedBy map[int]map[office.ID]bool // by device: what its user deleted and did not bring back
	written   map[string]map[any]bool    // every value that a setting ever had, by property
	last      map[string]any             // the last one that was wanted
	kept      map[office.ID]bool         // the messages of the backup; nil: there is none
	was       bool                       // the server was restored
	changes   map[string]*wish           // of the e-mail address, which all devices change, by its value

	faxes          map[string]*sending          // by client reference
	faxesDeletedBy map[int]map[office.ID]string // by device: id and client reference of what its user deleted and did not bring back
}

// A wish is one value that somebody wanted for a setting that all devices change.
type wish struct {
	knew  []string // the values that the user had seen then
	given bool     // up, by who heard of a conflict
}

// A fate is what may have become of a message.
type fate struct {
	deleters int           // devices that want it deleted
	may      bool          // it may be gone, for it was deleted before a restore
	isNew    map[bool]bool // values that isNew may have
}

func newOracle(h *house) *oracle {
	o := &oracle{
		h: h, messages: map[office.ID]*fate{}, deletedBy: map[int]map[office.ID]bool{}, written: map[string]map[any]bool{}, last: map[string]any{},
		changes: map[string]*wish{}, faxes: map[string]*sending{}, faxesDeletedBy: map[int]map[office.ID]string{},
	}
	v, p := o.read()
	for property, value := range map[string]any{"ringSeconds": v.RingSeconds, "attachAudio": v.AttachAudio, "isEnabled": v.IsEnabled, "email": p.Email} {
		o.written[property] = map[any]bool{value: true}
		o.last[property] = value
	}
	return o
}

// read returns the settings on the server.
func (o *oracle) read() (office.VoicemailSettings, office.Profile) {
	ctx := context.Background()
	v, err := o.h.store.VoicemailSettings(ctx, o.h.account())
	must(o.h.t, err)
	p, err := o.h.store.Profile(ctx, o.h.account())
	must(o.h.t, err)
	return v, p
}

// settings returns the settings on the server as settingsOf does.
func (o *oracle) settings() string {
	v, p := o.read()
	return inShort(v, p)
}

func inShort(v office.VoicemailSettings, p office.Profile) string {
	return fmt.Sprint(v.RingSeconds, v.AttachAudio, v.IsEnabled, p.Email)
}

// settingsOf returns the settings that a user of e sees.
func settingsOf(t testing.TB, e *engine.Engine) string {
	t.Helper()
	v, _, err := e.VoicemailSettings(context.Background())
	must(t, err)
	p, _, err := e.Profile(context.Background())
	must(t, err)
	return inShort(v, p)
}

func (o *oracle) left(id office.ID) { o.messages[id] = &fate{isNew: map[bool]bool{true: true}} }

// marked notes that somebody wanted isNew to be so, whether or not it was heard.
func (o *oracle) marked(id office.ID, isNew bool) {
	if f := o.messages[id]; f != nil {
		f.isNew[isNew] = true
	}
}

func (o *oracle) deleted(device int, id office.ID) {
	if o.deletedBy[device] == nil {
		o.deletedBy[device] = map[office.ID]bool{}
	}
	o.deletedBy[device][id] = true
	if f := o.messages[id]; f != nil {
		f.deleters++
	}
}

func (o *oracle) undeleted(device int, id office.ID) {
	delete(o.deletedBy[device], id)
	if f := o.messages[id]; f != nil {
		f.deleters--
	}
}

func (o *oracle) changed(property string, value any) {
	o.written[property][value] = true
	o.last[property] = value
}

// wished notes that a user who saw the address before wants it to be after.
func (o *oracle) wished(before, after string) {
	o.changed("email", after)
	o.changes[after] = &wish{knew: []string{before}}
}

// keep notes what a backup holds.
func (o *oracle) keep() {
	o.kept = o.onServer()
	for _, f := range o.h.faxes() {
		o.kept[f.ID] = true
	}
}

// restored notes that the backup is the truth now. What was deleted is back,
// unless it is deleted again by a device that was not heard yet.
func (o *oracle) restored() {
	o.was = true
	for id, f := range o.messages {
		if !o.kept[id] {
			delete(o.messages, id)
			continue
		}
		f.may, f.deleters = f.may || f.deleters > 0, 0
	}
	o.restoredFaxes()
}

// refused checks that a change was set aside for a reason that there is: somebody
// else made another one of the same.
func (o *oracle) refused(t testing.TB, device int, r local.Refused) {
	t.Helper()
	if r.Type == local.FaxType {
		if !o.refusedFax(r) {
			t.Errorf("device %d was refused %+v", device, r)
		}
		return
	}
	if r.Reason != local.Conflict || r.Type != local.ProfileType && !o.was {
		t.Errorf("device %d was refused %+v", device, r)
	}
	var mine, theirs map[string]json.RawMessage
	if json.Unmarshal(r.Mine, &mine) != nil || json.Unmarshal(r.Theirs, &theirs) != nil || maps.EqualFunc(mine, theirs, same) {
		t.Errorf("device %d has the conflict %s with %s", device, r.Mine, r.Theirs)
	}
}

// decided notes what a user does who saw a conflict: give up his value, or want it
// all the same.
func (o *oracle) decided(r local.Refused, retries bool) {
	if !retries {
		o.dismissed(r)
	}
	var mine, theirs office.Profile
	if r.Type != local.ProfileType || json.Unmarshal(r.Mine, &mine) != nil || json.Unmarshal(r.Theirs, &theirs) != nil {
		return
	}
	if w := o.changes[mine.Email]; w != nil {
		w.given = !retries
		w.knew = append(w.knew, theirs.Email)
	}
}

// checkWishes fails where a value was lost without anybody having seen it: each is
// what the server has, or given up, or was known to who wanted one of these.
func (o *oracle) checkWishes(t testing.TB, now string) {
	t.Helper()
	if o.was { // what was given up or known may be back
		return
	}
	next := []string{now}
	for value, w := range o.changes {
		if w.given {
			next = append(next, value)
		}
	}
	known := map[string]bool{}
	for len(next) > 0 {
		value := next[0]
		if next = next[1:]; known[value] {
			continue
		}
		known[value] = true
		if w := o.changes[value]; w != nil {
			next = append(next, w.knew...)
		}
	}
	for value := range o.changes {
		if !known[value] {
			t.Errorf("address %s was overwritten by somebody who never saw it", value)
		}
	}
}

func same(a, b json.RawMessage) bool { return string(a) == string(b) }

// onServer returns the messages that the server has.
func (o *oracle) onServer() map[office.ID]bool {
	ids, err := o.h.store.QueryVoicemails(context.Background(), o.h.account(), store.VoicemailFilter{}, store.Page{})
	must(o.h.t, err)
	all := map[office.ID]bool{}
	for _, id := range ids {
		all[id] = true
	}
	return all
}

// check compares the server with what may be there.
func (o *oracle) check(t testing.TB) {
	t.Helper()
	rows, err := o.h.store.Voicemails(context.Background(), o.h.account(), keys(o.onServer())...)
	must(t, err)
	there := map[office.ID]bool{}
	for _, v := range rows {
		there[v.ID] = true
		o.checkMessage(t, v.ID, v.IsNew)
	}
	for _, f := range o.h.faxes() {
		there[f.ID] = true
	}
	for id, f := range o.messages {
		if !there[id] && f.deleters == 0 && !f.may {
			t.Errorf("%s is gone, and nobody deleted it", id)
		}
	}
	v, p := o.read()
	for property, value := range map[string]any{"ringSeconds": v.RingSeconds, "attachAudio": v.AttachAudio, "isEnabled": v.IsEnabled, "email": p.Email} {
		if !o.written[property][value] {
			t.Errorf("%s is %v, which nobody wanted", property, value)
		}
		if property != "email" && !o.was && value != o.last[property] {
			t.Errorf("%s is %v and not %v, as its only device wanted", property, value, o.last[property])
		}
	}
	o.checkWishes(t, p.Email)
	o.checkFaxes(t)
}

// checkMessage fails where what is on the server should not be, or not be so.
func (o *oracle) checkMessage(t testing.TB, id office.ID, isNew bool) {
	t.Helper()
	f := o.messages[id]
	switch {
	case f == nil:
		t.Errorf("%s is there, and nobody left it", id)
	case f.deleters > 0:
		t.Errorf("%s was deleted and is back", id)
	case !f.isNew[isNew]:
		t.Errorf("%s is new: %v, which nobody wanted", id, isNew)
	}
}

func keys(set map[office.ID]bool) []office.ID {
	list := make([]office.ID, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	return list
}

// callIDs returns the calls that the server has.
func (h *house) callIDs() map[office.ID]bool {
	h.t.Helper()
	all := map[office.ID]bool{}
	for page := (store.Page{}); ; {
		ids, err := h.store.QueryCalls(context.Background(), h.account(), store.CallFilter{}, page)
		must(h.t, err)
		for _, id := range ids {
			all[id] = true
		}
		if len(ids) == 0 {
			return all
		}
		page.Anchor = ids[len(ids)-1]
	}
}
