package api_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// A client that knows RFC 8620 and the session object reads everything in one
// request, hears of what another device changes, and reads that alone.
func TestAClientThatKnowsTheSessionObject(t *testing.T) {
	h := open(t)
	s, other := h.login("101"), h.login("101")
	session := into[jmap.Session](t, h.do("GET", "/.well-known/jmap", s.Token, nil), http.StatusOK)
	me := session.PrimaryAccounts[office.Capability]
	types := capabilityOf(t, session).Types
	h.leave("101", 1, "sound")
	h.log("101", 2)
	h.receive(t, "101")

	r := jmap.Request{Using: []string{jmap.Core, office.Capability}}
	calls := map[string]string{}
	for _, typ := range types {
		calls[typ] = r.Call(typ+"/get", jmap.GetArgs{AccountID: me})
	}
	res := into[jmap.Response](t, h.do("POST", strings.TrimPrefix(session.APIURL, h.url), s.Token, r), http.StatusOK)
	known := map[string]string{}
	for typ, id := range calls {
		var got jmap.GetResponse
		if err := res.Find(id, &got); err != nil || len(got.List) == 0 || got.State == "" {
			t.Fatalf("%s: %+v, %v", typ, got, err)
		}
		known[typ] = got.State
	}

	url, err := jmap.Expand(session.EventSourceURL, map[string]string{"types": strings.Join(types, ","), "closeafter": "no", "ping": "30"})
	if err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(url, "?")
	events := h.listen(t, s.Token, query, "")
	heard := map[string]string{}
	for !maps.Equal(heard, known) { // presence may come a moment later
		maps.Copy(heard, states(t, events.next("state"), office.ID(me)))
	}
	set := h.patch(t, other.Token, "ForwardingSettings", me, `{"number":"102","isEnabled":true}`)
	if now := states(t, events.next("state"), office.ID(me)); len(now) != 1 || now["ForwardingSettings"] != set.NewState {
		t.Errorf("told %v, want %s alone", now, set.NewState)
	}

	r = jmap.Request{Using: []string{office.Capability}}
	changes := r.Call("ForwardingSettings/changes", jmap.ChangesArgs{AccountID: me, SinceState: known["ForwardingSettings"]})
	r.Call("ForwardingSettings/get", jmap.GetArgs{AccountID: me, IDsOf: &jmap.ResultReference{ResultOf: changes, Name: "ForwardingSettings/changes", Path: "/updated"}})
	res = into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, r), http.StatusOK)
	var got jmap.GetResponse
	if err := res.Find("1", &got); err != nil || got.State != set.NewState {
		t.Fatalf("%+v, %v", got, err)
	}
	if f := list[office.ForwardingSettings](t, got); len(f) != 1 || f[0].Number != "102" || !slices.Equal(f[0].When.List(), []office.ForwardWhen{office.ForwardAlways}) {
		t.Errorf("%+v", f)
	}
}
