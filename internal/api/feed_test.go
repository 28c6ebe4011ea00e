package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/sync/jmap"
)

// The states are read once for all calls of a request, but not kept beyond what
// one of them changes.
func TestARequestKnowsWhatItChanged(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	r := jmap.Request{Using: []string{jmap.Core, office.Capability}}
	before := r.Call("Profile/get", jmap.GetArgs{AccountID: me})
	set := r.Call("Profile/set", jmap.SetArgs{AccountID: me, Update: map[jmap.ID]jmap.Patch{one: {"email": json.RawMessage(`"ana@office.test"`)}}})
	after := r.Call("Profile/get", jmap.GetArgs{AccountID: me})
	other := r.Call("Availability/get", jmap.GetArgs{AccountID: me})
	res := into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, r), http.StatusOK)

	var was, is, untouched jmap.GetResponse
	var done jmap.SetResponse
	for id, answer := range map[string]any{before: &was, set: &done, after: &is, other: &untouched} {
		if err := res.Find(id, answer); err != nil {
			t.Fatal(err)
		}
	}
	if was.State == "" || done.NewState == was.State || is.State != done.NewState {
		t.Errorf("states %q, then %q, then %q", was.State, done.NewState, is.State)
	}
	if _, state := h.get(t, s.Token, "Availability", me); untouched.State != state {
		t.Errorf("a type that did not change is at %q, then at %q", untouched.State, state)
	}
	changed := r.Call("Profile/changes", jmap.ChangesArgs{AccountID: me, SinceState: was.State})
	r.Calls = r.Calls[len(r.Calls)-1:]
	res = into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, r), http.StatusOK)
	var changes jmap.ChangesResponse
	if err := res.Find(changed, &changes); err != nil || len(changes.Updated) != 1 || changes.NewState != is.State {
		t.Errorf("%+v, %v", changes, err)
	}
}

// What is known of an extension by its number is not believed of another's account.
func TestASessionSeesItsExtensionAsItIs(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	s := h.login("101")
	name := "Ana Nueva"
	if _, err := h.admin.SetExtension(ctx, "101", api.ExtensionChange{Name: &name}); err != nil {
		t.Fatal(err)
	}
	session := into[jmap.Session](t, h.do("GET", "/.well-known/jmap", s.Token, nil), http.StatusOK)
	if got := session.Accounts[jmap.ID(h.account("101"))].Name; got != name {
		t.Errorf("the account is called %q", got)
	}
	if err := h.store.RemoveExtension(ctx, "101", 0); err != nil {
		t.Fatal(err)
	}
	h.add(ctx, "101")
	if a := h.do("GET", "/.well-known/jmap", s.Token, nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session of an extension that was removed got %d", a.StatusCode)
	}
}
