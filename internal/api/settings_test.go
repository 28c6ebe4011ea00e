package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// one is the id of every singleton.
const one = jmap.ID(office.Singleton)

// get returns the singleton of a type as JSON, and its state.
func (h *house) get(t *testing.T, token, typ string, me jmap.ID) (string, string) {
	t.Helper()
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, token, typ+"/get", jmap.GetArgs{AccountID: me}))
	if len(got.List) != 1 {
		t.Fatalf("%s: %+v, want one object", typ, got)
	}
	return string(got.List[0]), got.State
}

// patch changes the singleton of a type by a patch in JSON.
func (h *house) patch(t *testing.T, token, typ string, me jmap.ID, patch string) jmap.SetResponse {
	t.Helper()
	var p jmap.Patch
	if err := json.Unmarshal([]byte(patch), &p); err != nil {
		t.Fatal(err)
	}
	return must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, token, typ+"/set", jmap.SetArgs{AccountID: me, Update: map[jmap.ID]jmap.Patch{one: p}}))
}

// alike reports whether two JSON texts say the same.
func alike(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestSettingsOfANewExtension(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	for typ, want := range map[string]string{
		"VoicemailSettings":  `{"id":"singleton","isEnabled":true,"ringSeconds":25,"attachAudio":false,"hasPin":false,"greeting":{"kind":"default"}}`,
		"ForwardingSettings": `{"id":"singleton","isEnabled":false,"when":{"always":true},"number":"","ringLocal":false,"requireKey":true}`,
		"CallerIdSettings":   `{"id":"singleton","number":"","choices":["+525555550100"]}`,
		"Profile":            `{"id":"singleton","name":"Ana 101","extension":"101","companyNumber":"+525555550100","email":"","language":"es-MX"}`,
		"Availability":       `{"id":"singleton","dndUntil":null}`,
	} {
		got, state := h.get(t, s.Token, typ, me)
		if !alike(got, want) || state == "" {
			t.Errorf("%s: %s, want %s", typ, got, want)
		}
		if !slices.Contains(capabilityOf(t, s.Session).Types, typ) {
			t.Errorf("%s is not in the session object", typ)
		}
		some := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, typ+"/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{"other", one}, Properties: []string{"id"}}))
		if len(some.List) != 1 || string(some.List[0]) != `{"id":"singleton"}` || !slices.Equal(some.NotFound, []jmap.ID{"other"}) {
			t.Errorf("%s: %+v", typ, some)
		}
	}
}

type capability struct {
	Types []string
	Fax   struct {
		Enabled bool
		Reason  string
	}
	Limits struct{ GreetingBytes, GreetingSeconds, FaxBytes, FaxPages int }
}

func capabilityOf(t *testing.T, s jmap.Session) (c capability) {
	t.Helper()
	if err := json.Unmarshal(s.Capabilities[office.Capability], &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSettingsPatches(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	if err := h.store.SetLine(ctx, office.Line{Number: "+525555550123", Extensions: []office.Number{"101"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.AddExtension(ctx, office.Extension{Number: "199", Name: "Fue", Disabled: true}, "no password"); err != nil {
		t.Fatal(err)
	}
	s, me := h.login("101"), jmap.ID(h.account("101"))
	const bad = jmap.InvalidProperties
	tests := []struct {
		name, typ, patch string
		told             string // what the client must be told; empty: refused
		kind             string
		properties       string
	}{
		// In this order: each works on what the one before left.
		{"ring time", "VoicemailSettings", `{"ringSeconds":60,"isEnabled":false}`, `null`, "", ""},
		{"back to the defaults", "VoicemailSettings", `{"ringSeconds":null,"isEnabled":null,"greeting":null}`, `{"ringSeconds":25,"isEnabled":true,"greeting":{"kind":"default"}}`, "", ""},
		{"the whole object", "VoicemailSettings", `{"id":"singleton","isEnabled":true,"ringSeconds":5,"attachAudio":true,"hasPin":false,"greeting":{"kind":"default"}}`, `null`, "", ""},
		{"ring time too short", "VoicemailSettings", `{"ringSeconds":4}`, "", bad, "ringSeconds"},
		{"ring time too long", "VoicemailSettings", `{"ringSeconds":61,"isEnabled":false}`, "", bad, "ringSeconds"},
		{"ring time beyond all numbers", "VoicemailSettings", `{"ringSeconds":1e300}`, "", bad, "ringSeconds"},
		{"half a second", "VoicemailSettings", `{"ringSeconds":5.5}`, "", bad, "ringSeconds"},
		{"of the server", "VoicemailSettings", `{"hasPin":true,"id":"x","attachAudio":1}`, "", bad, "attachAudio,hasPin,id"},
		{"unknown", "VoicemailSettings", `{"colour":"red","pin":"1234"}`, "", bad, "colour,pin"},
		{"no such greeting", "VoicemailSettings", `{"greeting":{"kind":"funny"}}`, "", bad, "greeting"},
		{"greeting without a sound", "VoicemailSettings", `{"greeting/kind":"own"}`, "", bad, "greeting"},
		{"greeting of nowhere", "VoicemailSettings", `{"greeting":{"kind":"own","blobId":"../../x"}}`, "", bad, "greeting"},
		{"greeting that is no object", "VoicemailSettings", `{"greeting":"own"}`, "", bad, "greeting"},
		{"greeting of the past", "VoicemailSettings", `{"greeting":{"kind":"temporary","blobId":"x","until":"2020-01-01T00:00:00Z"}}`, "", bad, "greeting"},

		{"forward inside", "ForwardingSettings", `{"number":"102","isEnabled":true}`, `null`, "", ""},
		{"forward outside", "ForwardingSettings", `{"number":"55 1234 5678"}`, `{"number":"+525512345678"}`, "", ""},
		{"a case more", "ForwardingSettings", `{"when/busy":true,"when/always":null}`, `null`, "", ""},
		{"a list of cases", "ForwardingSettings", `{"when":["offline","noAnswer"]}`, `{"when":{"offline":true,"noAnswer":true}}`, "", ""},
		{"a case that is none", "ForwardingSettings", `{"when/weekend":true}`, "", bad, "when"},
		{"a case that is no boolean", "ForwardingSettings", `{"when/busy":"yes"}`, "", bad, "when"},
		{"no case", "ForwardingSettings", `{"when":{}}`, "", bad, "when"},
		{"a path too long", "ForwardingSettings", `{"when/busy/really":true}`, "", jmap.InvalidPatch, ""},
		{"a path within another", "ForwardingSettings", `{"when":{},"when/busy":true}`, "", jmap.InvalidPatch, ""},
		{"without a number", "ForwardingSettings", `{"number":null}`, "", bad, "number"},
		{"to oneself", "ForwardingSettings", `{"number":"101"}`, "", bad, "number"},
		{"to one's own line", "ForwardingSettings", `{"number":"5555550123"}`, "", bad, "number"},
		{"to a code", "ForwardingSettings", `{"number":"*97"}`, "", bad, "number"},
		{"to the emergency services", "ForwardingSettings", `{"number":"911"}`, "", bad, "number"},
		{"to nobody", "ForwardingSettings", `{"number":"12"}`, "", bad, "number"},
		{"to a disabled extension", "ForwardingSettings", `{"number":"199"}`, "", bad, "number"},
		{"not a number", "ForwardingSettings", `{"number":"home"}`, "", bad, "number"},
		{"abroad", "ForwardingSettings", `{"number":"00 1 305 555 0100"}`, "", jmap.Forbidden, ""},
		{"off", "ForwardingSettings", `{"isEnabled":false,"number":""}`, `null`, "", ""},
		{"on without a number", "ForwardingSettings", `{"isEnabled":true}`, "", bad, "number"},

		{"the own line", "CallerIdSettings", `{"number":"+525555550123"}`, `null`, "", ""},
		{"a foreign number", "CallerIdSettings", `{"number":"+525555550199"}`, "", bad, "number"},
		{"new choices", "CallerIdSettings", `{"choices":["+525555550199"]}`, "", bad, "choices"},
		{"the company's", "CallerIdSettings", `{"number":null}`, `{"number":""}`, "", ""},

		{"an address", "Profile", `{"email":"ana@example.com","language":"en"}`, `null`, "", ""},
		{"no address", "Profile", `{"email":"ana"}`, "", bad, "email"},
		{"two addresses and no language", "Profile", `{"email":"a@example.com, b@example.com","language":"fr"}`, "", bad, "email,language"},
		{"a header in an address", "Profile", `{"email":"a@example.com\r\nBcc: b@example.com"}`, "", bad, "email"},
		{"a new name", "Profile", `{"name":"Eva","email":"eva@example.com"}`, "", bad, "name"},
		{"the old name", "Profile", `{"name":"Ana 101","language":null}`, `{"language":"es-MX"}`, "", ""},

		{"rest", "Availability", `{"dndUntil":"2030-01-01T12:00:00+02:00"}`, `{"dndUntil":"2030-01-01T10:00:00Z"}`, "", ""},
		{"no time", "Availability", `{"dndUntil":"tomorrow"}`, "", bad, "dndUntil"},
		{"no rest", "Availability", `{"dndUntil":null}`, `null`, "", ""},
	}
	for _, tt := range tests {
		before, state := h.get(t, s.Token, tt.typ, me)
		set := h.patch(t, s.Token, tt.typ, me, tt.patch)
		after, now := h.get(t, s.Token, tt.typ, me)
		if tt.told == "" {
			refused := set.NotUpdated[one]
			if refused.Type != tt.kind || strings.Join(refused.Properties, ",") != tt.properties {
				t.Errorf("%s: %+v, want %s of %s", tt.name, set, tt.kind, tt.properties)
			}
			if after != before || now != state || set.NewState != state {
				t.Errorf("%s: refused, but %s became %s", tt.name, before, after)
			}
			continue
		}
		if told, ok := set.Updated[one]; !ok || !alike(string(told), tt.told) {
			t.Errorf("%s: %s %+v, want %s", tt.name, told, set.NotUpdated, tt.told)
		}
		if string(set.OldState) != state || set.NewState != now || after == before {
			t.Errorf("%s: %s in state %s after %+v", tt.name, after, now, set)
		}
		changed := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, s.Token, tt.typ+"/changes", jmap.ChangesArgs{AccountID: me, SinceState: state}))
		if !slices.Equal(changed.Updated, []jmap.ID{one}) || changed.NewState != now {
			t.Errorf("%s: %+v", tt.name, changed)
		}
	}
}

func TestASettingThatStaysIsNoChange(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	set := h.patch(t, s.Token, "VoicemailSettings", me, `{"ringSeconds":25,"greeting":{"kind":"default"}}`)
	if _, ok := set.Updated[one]; !ok || set.NewState != string(set.OldState) {
		t.Errorf("%+v", set)
	}
}

func TestForwardingThatIsNotAllowedAnyMoreCanBeSwitchedOff(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	ctx := context.Background()
	if set := h.patch(t, s.Token, "ForwardingSettings", me, `{"number":"5512345678","isEnabled":true}`); len(set.NotUpdated) > 0 {
		t.Fatalf("%+v", set)
	}
	inside := office.Classes("internal")
	if _, err := h.store.SetExtension(ctx, "101", store.ExtensionPatch{Classes: &inside}); err != nil {
		t.Fatal(err)
	}
	if set := h.patch(t, s.Token, "ForwardingSettings", me, `{"isEnabled":false}`); len(set.NotUpdated) > 0 {
		t.Errorf("off: %+v", set)
	}
	if set := h.patch(t, s.Token, "ForwardingSettings", me, `{"isEnabled":true}`); set.NotUpdated[one].Type != jmap.Forbidden {
		t.Errorf("on again: %+v", set)
	}
}

func TestSettingsOnlyInTheStateThatTheClientKnows(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	_, state := h.get(t, s.Token, "Availability", me)
	h.patch(t, s.Token, "Availability", me, `{"dndUntil":"2030-01-01T00:00:00Z"}`)
	for _, known := range []string{state, "", "nonsense"} {
		_, err := ask[jmap.SetResponse](h, s.Token, "Availability/set", jmap.SetArgs{AccountID: me, IfInState: &known, Update: map[jmap.ID]jmap.Patch{one: {"dndUntil": json.RawMessage("null")}}})
		wantMethodError(t, err, jmap.StateMismatch)
	}
	_, state = h.get(t, s.Token, "Availability", me)
	set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Availability/set", jmap.SetArgs{AccountID: me, IfInState: &state, Update: map[jmap.ID]jmap.Patch{one: {"dndUntil": json.RawMessage("null")}}}))
	if _, ok := set.Updated[one]; !ok {
		t.Errorf("%+v", set)
	}
}

func TestSingletonsAreNeitherMadeNorDestroyed(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Profile/set", jmap.SetArgs{
		AccountID: me, Create: map[jmap.ID]json.RawMessage{"k": json.RawMessage(`{}`)}, Destroy: []jmap.ID{one},
		Update: map[jmap.ID]jmap.Patch{"other": {"email": json.RawMessage(`""`)}},
	}))
	if set.NotCreated["k"].Type != jmap.IsSingleton || set.NotDestroyed[one].Type != jmap.IsSingleton || set.NotUpdated["other"].Type != jmap.NotFound {
		t.Errorf("%+v", set)
	}
}

// Two people at two devices of one extension: neither undoes what the other did.
func TestPatchesOfTwoAtOnceAreBothKept(t *testing.T) {
	h := open(t)
	me := jmap.ID(h.account("101"))
	patches := []string{`{"when/busy":true}`, `{"when/offline":true}`, `{"ringLocal":true}`, `{"requireKey":false}`}
	var all sync.WaitGroup
	for _, p := range patches {
		s := h.login("101")
		all.Go(func() {
			var patch jmap.Patch
			json.Unmarshal([]byte(p), &patch)
			r := jmap.Request{Using: []string{office.Capability}}
			id := r.Call("ForwardingSettings/set", jmap.SetArgs{AccountID: me, Update: map[jmap.ID]jmap.Patch{one: patch}})
			var res jmap.Response
			var set jmap.SetResponse
			a := h.do("POST", "/jmap/api", s.Token, r)
			if err := json.Unmarshal(a.body, &res); err != nil || res.Find(id, &set) != nil || len(set.Updated) != 1 {
				t.Errorf("%s: %s", p, a.body)
			}
		})
	}
	all.Wait()
	s := h.login("101")
	got, _ := h.get(t, s.Token, "ForwardingSettings", me)
	if want := `{"id":"singleton","isEnabled":false,"when":{"always":true,"busy":true,"offline":true},"number":"","ringLocal":true,"requireKey":false}`; !alike(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestANewAddressIsAnnouncedToTheOldOne(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	ctx := context.Background()
	h.patch(t, s.Token, "Profile", me, `{"email":"old@example.com"}`)
	if _, ok, err := h.store.ClaimMail(ctx, time.Minute); ok || err != nil {
		t.Fatalf("a first address was announced: %v", err)
	}
	h.patch(t, s.Token, "Profile", me, `{"email":"other@example.com"}`)
	if _, ok, err := h.store.ClaimMail(ctx, time.Minute); ok || err != nil {
		t.Fatalf("an address that its user has just chosen was told: %v", err)
	}
	old := "old@example.com"
	if _, err := h.store.SetExtension(ctx, "101", store.ExtensionPatch{Email: &old}); err != nil {
		t.Fatal(err)
	}
	h.patch(t, s.Token, "Profile", me, `{"email":"new@example.com"}`)
	m, ok, err := h.store.ClaimMail(ctx, time.Minute)
	if !ok || err != nil || m.To != "old@example.com" || m.Notice.Kind != office.NoticeEmailChanged || m.Notice.Address != "new@example.com" {
		t.Errorf("%+v, %v, %v", m, ok, err)
	}
}

func TestSettingsAreOfTheirAccountAlone(t *testing.T) {
	h := open(t)
	s, other := h.login("101"), jmap.ID(h.account("102"))
	for _, typ := range []string{"VoicemailSettings", "ForwardingSettings", "CallerIdSettings", "Profile", "Availability", "Extension", "Presence"} {
		_, err := ask[jmap.GetResponse](h, s.Token, typ+"/get", jmap.GetArgs{AccountID: other})
		wantMethodError(t, err, jmap.AccountNotFound)
	}
}

// FuzzSettings sends any patch to any singleton: it is taken or refused by name,
// and what cannot be is never kept.
func FuzzSettings(f *testing.F) {
	types := []string{"VoicemailSettings", "ForwardingSettings", "CallerIdSettings", "Profile", "Availability"}
	f.Add(byte(0), `{"ringSeconds":30,"greeting":{"kind":"own","blobId":"x"}}`)
	f.Add(byte(0), `{"greeting/until":"2030-01-01T00:00:00Z","greeting/kind":"temporary"}`)
	f.Add(byte(1), `{"when/busy":true,"when/always":null,"number":"55 1234 5678","isEnabled":true}`)
	f.Add(byte(1), `{"when":[null],"number":"\u0000"}`)
	f.Add(byte(2), `{"number":"+525555550100","choices":[]}`)
	f.Add(byte(3), `{"email":"\u202ea@b.c","language":"\u0000"}`)
	f.Add(byte(4), `{"dndUntil":"9999-12-31T23:59:59Z"}`)
	h := open(f)
	s, me := h.login("101"), string(h.account("101"))
	f.Fuzz(func(t *testing.T, which byte, patch string) {
		h.t = t
		typ := types[int(which)%len(types)]
		if !json.Valid([]byte(patch)) {
			return
		}
		body := fmt.Sprintf(`{"using":[%q],"methodCalls":[[%q,{"accountId":%q,"update":{"singleton":%s}},"0"],[%q,{"accountId":%q,"ids":null},"1"]]}`,
			office.Capability, typ+"/set", me, patch, typ+"/get", me)
		a := h.do("POST", "/jmap/api", s.Token, body)
		if a.StatusCode == http.StatusBadRequest { // not I-JSON
			return
		}
		res := into[jmap.Response](t, a, http.StatusOK)
		if strings.Contains(string(a.body), jmap.ServerFail) || strings.Contains(string(a.body), jmap.ServerUnavailable) {
			t.Errorf("%s answered %s", patch, a.body)
		}
		var got jmap.GetResponse
		if err := res.Find("1", &got); err != nil || len(got.List) != 1 {
			t.Fatalf("%s left %s: %v", patch, a.body, err)
		}
		var forwarding office.ForwardingSettings
		var voicemail office.VoicemailSettings
		switch typ {
		case "ForwardingSettings":
			if err := json.Unmarshal(got.List[0], &forwarding); err != nil || forwarding.Check("101", "MX") != nil {
				t.Errorf("%s left %s", patch, got.List[0])
			}
		case "VoicemailSettings":
			if err := json.Unmarshal(got.List[0], &voicemail); err != nil || voicemail.Check() != nil {
				t.Errorf("%s left %s", patch, got.List[0])
			}
		}
	})
}
