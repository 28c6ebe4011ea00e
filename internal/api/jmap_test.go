package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/sync/jmap"
)

// ask sends one method call and reads its answer; the error is what the server
// refused it with.
func ask[T any](h *house, token, name string, args any) (v T, err error) {
	h.t.Helper()
	r := jmap.Request{Using: []string{jmap.Core, office.Capability}}
	id := r.Call(name, args)
	res := into[jmap.Response](h.t, h.do("POST", "/jmap/api", token, r), http.StatusOK)
	return v, res.Find(id, &v)
}

// must fails the test where the server refused.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestVoicemailJourney(t *testing.T) {
	h := open(t)
	s := h.login("101")
	me := jmap.ID(h.account("101"))
	one, two := h.leave("101", 1, "first"), h.leave("101", 2, "second")
	h.leave("102", 3, "not mine")

	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Voicemail/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{jmap.ID(one.ID), "nothing"}}))
	if len(got.List) != 1 || !slices.Equal(got.NotFound, []jmap.ID{"nothing"}) {
		t.Fatalf("%+v", got)
	}
	var v office.Voicemail
	if err := json.Unmarshal(got.List[0], &v); err != nil || v.ID != one.ID || !v.IsNew || v.BlobID != one.BlobID || v.Type != office.VoicemailType {
		t.Fatalf("%s, %v", got.List[0], err)
	}

	query := must[jmap.QueryResponse](t)(ask[jmap.QueryResponse](h, s.Token, "Voicemail/query", jmap.QueryArgs{AccountID: me, CalculateTotal: true}))
	if !slices.Equal(query.IDs, []jmap.ID{jmap.ID(two.ID), jmap.ID(one.ID)}) || *query.Total != 2 || query.CanCalculateChanges {
		t.Fatalf("%+v, want the newest first", query)
	}

	set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Voicemail/set", jmap.SetArgs{
		AccountID: me,
		Create:    map[jmap.ID]json.RawMessage{"k": json.RawMessage(`{}`)},
		Update: map[jmap.ID]jmap.Patch{
			jmap.ID(one.ID): {"isNew": json.RawMessage("false")},
			jmap.ID(two.ID): {"isNew": json.RawMessage("false")}, // destroyed too
			"nothing":       {"isNew": json.RawMessage("true")},
		},
		Destroy: []jmap.ID{jmap.ID(two.ID), "gone"},
	}))
	if _, ok := set.Updated[jmap.ID(one.ID)]; !ok || !slices.Equal(set.Destroyed, []jmap.ID{jmap.ID(two.ID)}) {
		t.Fatalf("%+v", set)
	}
	if set.NotCreated["k"].Type != jmap.Forbidden || set.NotUpdated[jmap.ID(two.ID)].Type != jmap.WillDestroy ||
		set.NotUpdated["nothing"].Type != jmap.NotFound || set.NotDestroyed["gone"].Type != jmap.NotFound {
		t.Fatalf("%+v", set)
	}

	changed := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, s.Token, "Voicemail/changes", jmap.ChangesArgs{AccountID: me, SinceState: got.State}))
	if !slices.Equal(changed.Updated, []jmap.ID{jmap.ID(one.ID)}) || !slices.Equal(changed.Destroyed, []jmap.ID{jmap.ID(two.ID)}) ||
		len(changed.Created) != 0 || changed.NewState != set.NewState || changed.HasMoreChanges {
		t.Fatalf("%+v after %+v", changed, set)
	}
}

func TestVoicemailSetRefuses(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	v := jmap.ID(h.leave("101", 1, "sound").ID)
	foreign := jmap.ID(h.leave("102", 2, "sound").ID)
	patches := map[string]struct {
		patch jmap.Patch
		want  string
	}{
		"a property of the server": {jmap.Patch{"duration": json.RawMessage("9")}, jmap.InvalidProperties},
		"not a boolean":            {jmap.Patch{"isNew": json.RawMessage(`"no"`)}, jmap.InvalidProperties},
		"null":                     {jmap.Patch{"isNew": json.RawMessage("null")}, jmap.InvalidProperties},
		"a part of one":            {jmap.Patch{"from/name": json.RawMessage(`"x"`)}, jmap.InvalidProperties},
		"a path to nowhere":        {jmap.Patch{"isNew/really": json.RawMessage(`"x"`)}, jmap.InvalidPatch},
		"no such property":         {jmap.Patch{"isOld": json.RawMessage(`true`)}, jmap.InvalidProperties},
		"no patch":                 {nil, jmap.InvalidPatch},
	}
	for name, p := range patches {
		set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Voicemail/set", jmap.SetArgs{AccountID: me, Update: map[jmap.ID]jmap.Patch{v: p.patch}}))
		if set.NotUpdated[v].Type != p.want {
			t.Errorf("%s: %+v, want %s", name, set, p.want)
		}
	}
	// What changes nothing is no mistake: whole objects come back.
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Voicemail/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{v}}))
	var whole jmap.Patch
	if err := json.Unmarshal(got.List[0], &whole); err != nil {
		t.Fatal(err)
	}
	for name, patch := range map[string]jmap.Patch{"nothing": {}, "the whole object": whole} {
		set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Voicemail/set", jmap.SetArgs{AccountID: me, Update: map[jmap.ID]jmap.Patch{v: patch}}))
		if _, ok := set.Updated[v]; !ok || set.NewState != got.State || string(set.OldState) != got.State {
			t.Errorf("%s: %+v", name, set)
		}
	}
	set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Voicemail/set", jmap.SetArgs{AccountID: me, Destroy: []jmap.ID{foreign}}))
	if set.NotDestroyed[foreign].Type != jmap.NotFound {
		t.Errorf("a message of another account: %+v, want notFound", set)
	}
	for _, state := range []string{"", "other.1"} {
		_, err := ask[jmap.SetResponse](h, s.Token, "Voicemail/set", jmap.SetArgs{AccountID: me, IfInState: &state, Destroy: []jmap.ID{v}})
		wantMethodError(t, err, jmap.StateMismatch)
	}
}

func wantMethodError(t *testing.T, err error, kind string) {
	t.Helper()
	var refused *jmap.MethodError
	if !errors.As(err, &refused) || refused.Type != kind {
		t.Errorf("%v, want %s", err, kind)
	}
}

func TestCallLogPages(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	var ids []jmap.ID // newest first
	for n := range 10 {
		ids = slices.Insert(ids, 0, jmap.ID(h.log("101", n).ID))
	}
	h.log("102", 11)
	num := func(n int) *int { return &n }
	tests := []struct {
		name     string
		args     jmap.QueryArgs
		want     []jmap.ID
		position int
	}{
		{"all", jmap.QueryArgs{}, ids, 0},
		{"two", jmap.QueryArgs{Limit: num(2)}, ids[:2], 0},
		{"none", jmap.QueryArgs{Limit: num(0)}, ids[:0], 0},
		{"at a position", jmap.QueryArgs{Position: 3, Limit: num(2)}, ids[3:5], 3},
		{"from the end", jmap.QueryArgs{Position: -2}, ids[8:], 8},
		{"before the beginning", jmap.QueryArgs{Position: -20, Limit: num(1)}, ids[:1], 0},
		{"behind the end", jmap.QueryArgs{Position: 20}, ids[:0], 20},
		{"at an anchor", jmap.QueryArgs{Anchor: &ids[4], Limit: num(2)}, ids[4:6], 4},
		{"behind an anchor", jmap.QueryArgs{Anchor: &ids[4], AnchorOffset: 1, Limit: num(2)}, ids[5:7], 5},
		{"far behind an anchor", jmap.QueryArgs{Anchor: &ids[4], AnchorOffset: 3, Limit: num(2)}, ids[7:9], 7},
		{"before an anchor", jmap.QueryArgs{Anchor: &ids[4], AnchorOffset: -2, Limit: num(1)}, ids[2:3], 2},
		{"before the first", jmap.QueryArgs{Anchor: &ids[1], AnchorOffset: -5, Limit: num(1)}, ids[:1], 0},
		{"after", jmap.QueryArgs{Filter: json.RawMessage(`{"after":"2026-03-01T12:00:07Z"}`)}, ids[:3], 0},
		{"before", jmap.QueryArgs{Filter: json.RawMessage(`{"before":"2026-03-01T12:00:02Z"}`)}, ids[8:], 0},
		{"text", jmap.QueryArgs{Filter: json.RawMessage(`{"text":"peer 4"}`)}, ids[5:6], 0},
		{"kind", jmap.QueryArgs{Filter: json.RawMessage(`{"kind":"outgoing"}`)}, ids[:0], 0},
		{"anchor in a filter", jmap.QueryArgs{Filter: json.RawMessage(`{"after":"2026-03-01T12:00:03Z","before":"2026-03-01T12:00:08Z"}`), Anchor: &ids[4], AnchorOffset: 1}, ids[5:7], 3},
	}
	for _, tt := range tests {
		tt.args.AccountID, tt.args.CalculateTotal = me, true
		q := must[jmap.QueryResponse](t)(ask[jmap.QueryResponse](h, s.Token, "Call/query", tt.args))
		if !slices.Equal(q.IDs, tt.want) || q.Position != tt.position {
			t.Errorf("%s: %v at %d, want %v at %d", tt.name, q.IDs, q.Position, tt.want, tt.position)
		}
	}
	_, err := ask[jmap.QueryResponse](h, s.Token, "Call/query", jmap.QueryArgs{AccountID: me, Anchor: &ids[0], Filter: json.RawMessage(`{"text":"peer 4"}`)})
	wantMethodError(t, err, jmap.AnchorNotFound)
}

func TestMethodsThatAreRefused(t *testing.T) {
	h := open(t)
	s, me, other := h.login("101"), string(h.account("101")), string(h.account("102"))
	in := func(format string) json.RawMessage {
		return json.RawMessage(strings.ReplaceAll(strings.ReplaceAll(format, "ME", me), "OTHER", other))
	}
	tests := []struct {
		name string
		args json.RawMessage
		want string
	}{
		{"Voicemail/get", in(`{"accountId":"OTHER"}`), jmap.AccountNotFound},
		{"Voicemail/get", in(`{}`), jmap.InvalidArguments},
		{"Voicemail/get", in(`{"accountId":"ME","ids":"all"}`), jmap.InvalidArguments},
		{"Voicemail/get", in(`{"accountId":"ME","extra":1}`), jmap.InvalidArguments},
		{"Call/changes", in(`{"accountId":"ME"}`), jmap.InvalidArguments},
		{"Call/changes", in(`{"accountId":"ME","sinceState":"other.5"}`), jmap.CannotCalculateChanges},
		{"Call/changes", in(`{"accountId":"ME","sinceState":"nonsense"}`), jmap.CannotCalculateChanges},
		{"Call/changes", in(`{"accountId":"ME","sinceState":"x","maxChanges":0}`), jmap.InvalidArguments},
		{"Call/queryChanges", in(`{"accountId":"ME"}`), jmap.InvalidArguments},
		{"Call/queryChanges", in(`{"accountId":"OTHER","sinceQueryState":"x"}`), jmap.AccountNotFound},
		{"Call/queryChanges", in(`{"accountId":"ME","sinceQueryState":"x","maxChanges":0}`), jmap.InvalidArguments},
		{"Call/queryChanges", in(`{"accountId":"ME","filter":null,"sort":[],"sinceQueryState":"x","maxChanges":10,"upToId":"x","calculateTotal":true}`), jmap.CannotCalculateChanges},
		{"Call/query", in(`{"accountId":"ME","filter":{"operator":"AND","conditions":[]}}`), jmap.UnsupportedFilter},
		{"Call/query", in(`{"accountId":"ME","filter":{"isNew":true}}`), jmap.UnsupportedFilter},
		{"Call/query", in(`{"accountId":"ME","filter":{"kind":"odd"}}`), jmap.UnsupportedFilter},
		{"Voicemail/query", in(`{"accountId":"ME","filter":{"kind":"missed"}}`), jmap.UnsupportedFilter},
		{"Voicemail/query", in(`{"accountId":"ME","filter":{"after":"yesterday"}}`), jmap.InvalidArguments},
		{"Voicemail/query", in(`{"accountId":"ME","filter":{"isNew":"yes"}}`), jmap.InvalidArguments},
		{"Voicemail/query", in(`{"accountId":"ME","filter":[]}`), jmap.InvalidArguments},
		{"Voicemail/query", in(`{"accountId":"ME","filter":{"IsNew":true}}`), jmap.UnsupportedFilter},
		{"Voicemail/query", in(`{"accountId":"ME","filter":{"text":"` + strings.Repeat("x", 257) + `"}}`), jmap.UnsupportedFilter},
		{"Voicemail/query", in(`{"accountId":"ME","sort":[{"property":"receivedAt","isAscending":true}]}`), jmap.UnsupportedSort},
		{"Voicemail/query", in(`{"accountId":"ME","sort":[{"property":"duration","isAscending":false}]}`), jmap.UnsupportedSort},
		{"Voicemail/query", in(`{"accountId":"ME","limit":-1}`), jmap.InvalidArguments},
		{"Voicemail/query", in(`{"accountId":"ME","anchor":"nothing"}`), jmap.AnchorNotFound},
		{"Extension/set", in(`{"accountId":"ME"}`), jmap.UnknownMethod},
		{"Extension/query", in(`{"accountId":"ME"}`), jmap.UnknownMethod},
		{"Presence/set", in(`{"accountId":"ME"}`), jmap.UnknownMethod},
		{"Presence/changes", in(`{"accountId":"ME","sinceState":"other"}`), jmap.CannotCalculateChanges},
		{"Profile/query", in(`{"accountId":"ME"}`), jmap.UnknownMethod},
		{"Profile/queryChanges", in(`{"accountId":"ME","sinceQueryState":"x"}`), jmap.UnknownMethod},
		{"Extension/queryChanges", in(`{"accountId":"ME","sinceQueryState":"x"}`), jmap.UnknownMethod},
		{"Fax/query", in(`{"accountId":"ME","filter":{"state":"odd"}}`), jmap.UnsupportedFilter},
		{"Fax/query", in(`{"accountId":"ME","filter":{"kind":"missed"}}`), jmap.UnsupportedFilter},
		{"Call/query", in(`{"accountId":"ME","filter":{"state":"queued"}}`), jmap.UnsupportedFilter},
		{"Voicemail/query", in(`{"accountId":"ME","filter":{"state":"queued"}}`), jmap.UnsupportedFilter},
		{"Email/get", in(`{"accountId":"ME"}`), jmap.UnknownMethod},
		{"Voicemail", in(`{"accountId":"ME"}`), jmap.UnknownMethod},
	}
	for _, tt := range tests {
		_, err := ask[json.RawMessage](h, s.Token, tt.name, tt.args)
		var refused *jmap.MethodError
		if !errors.As(err, &refused) || refused.Type != tt.want {
			t.Errorf("%s %s: %v, want %s", tt.name, tt.args, err, tt.want)
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	h := open(t)
	s := h.login("101")
	call := `["Core/echo",{},"a"]`
	tests := []struct{ name, body, kind string }{
		{"no JSON", `{"using":`, jmap.NotJSON},
		{"two members of one name", `{"using":[],"using":[],"methodCalls":[]}`, jmap.NotJSON},
		{"deep", strings.Repeat("[", 100000) + strings.Repeat("]", 100000), jmap.NotJSON},
		{"nothing", ``, jmap.NotJSON},
		{"half a character", "{\"using\":[\"\\ud800\"],\"methodCalls\":[]}", jmap.NotJSON},
		{"not UTF-8", "{\"using\":[\"\xff\"],\"methodCalls\":[]}", jmap.NotJSON},
		{"two requests", `{"using":[],"methodCalls":[]}{"using":[],"methodCalls":[]}`, jmap.NotJSON},
		{"an array", `[]`, jmap.NotRequest},
		{"null", `null`, jmap.NotRequest},
		{"no calls", `{"using":[],"methodCalls":null}`, jmap.NotRequest},
		{"no using", `{"methodCalls":[]}`, jmap.NotRequest},
		{"other spelling", `{"Using":[],"methodcalls":[]}`, jmap.NotRequest},
		{"using a number", `{"using":[7],"methodCalls":[]}`, jmap.NotRequest},
		{"a call of two", `{"using":[],"methodCalls":[["Core/echo",{}]]}`, jmap.NotRequest},
		{"a call of four", `{"using":[],"methodCalls":[["Core/echo",{},"a",1]]}`, jmap.NotRequest},
		{"a call without an object", `{"using":[],"methodCalls":[["Core/echo",[],"a"]]}`, jmap.NotRequest},
		{"a call without a name", `{"using":[],"methodCalls":[[7,{},"a"]]}`, jmap.NotRequest},
		{"a call with a number", `{"using":[],"methodCalls":[["Core/echo",{},7]]}`, jmap.NotRequest},
		{"created ids", `{"using":[],"methodCalls":[],"createdIds":["a"]}`, jmap.NotRequest},
		{"no request", `{"using":[]}`, jmap.NotRequest},
		{"unknown capability", `{"using":["urn:other"],"methodCalls":[]}`, jmap.UnknownCapability},
		{"many calls", `{"using":[],"methodCalls":[` + call + strings.Repeat(","+call, jmap.DefaultLimits.MaxCallsInRequest) + `]}`, jmap.LimitProblem},
		{"too large", `{"using":[],"methodCalls":[],"x":"` + strings.Repeat("x", 2<<20) + `"}`, jmap.LimitProblem},
	}
	for _, tt := range tests {
		p := into[jmap.Problem](t, h.do("POST", "/jmap/api", s.Token, tt.body), http.StatusBadRequest)
		if p.Type != tt.kind || p.Status != http.StatusBadRequest || (p.Limit != "") != (tt.kind == jmap.LimitProblem) {
			t.Errorf("%s: %+v, want %s", tt.name, p, tt.kind)
		}
	}
	for kind, want := range map[string]int{
		"text/plain": 400, "application/jsonp": 400, "": 400, "application/json; charset=utf-8": 200, "Application/JSON": 200,
	} {
		a := h.do("POST", "/jmap/api", s.Token, `{"using":[],"methodCalls":[]}`, "Content-Type", kind)
		if a.StatusCode != want || want == 400 && a.Header.Get("Content-Type") != jmap.ProblemType {
			t.Errorf("%q: %d %v", kind, a.StatusCode, a.Header)
		}
	}
	for path, want := range map[string]int{"/jmap/api": http.StatusMethodNotAllowed, "/.well-known/jmap/x": http.StatusNotFound} {
		if a := h.do("GET", path, s.Token, nil); a.StatusCode != want {
			t.Errorf("GET %s: %d", path, a.StatusCode)
		}
	}
}

// What a request uses decides what it may call; what it does not know is for others.
func TestWhatARequestUses(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), string(h.account("101"))
	get := `["Voicemail/get",{"accountId":"` + me + `","ids":[]},"a"]`
	blob := `["Blob/copy",{"fromAccountId":"` + me + `","accountId":"` + me + `","blobIds":[]},"a"]`
	for _, tt := range []struct{ body, want string }{
		{`{"using":["urn:timbre:jmap:office"],"methodCalls":[` + get + `]}`, `["Voicemail/get",`},
		{`{"using":["urn:ietf:params:jmap:core"],"methodCalls":[` + get + `]}`, `["error",{"type":"unknownMethod"}`},
		{`{"using":["urn:timbre:jmap:office"],"methodCalls":[` + blob + `]}`, `["error",{"type":"unknownMethod"}`},
		{`{"using":["urn:ietf:params:jmap:core"],"methodCalls":[` + blob + `],"later":1}`, `["Blob/copy",`},
		{`{"using":[],"methodCalls":[],"createdIds":{}}`, `"createdIds":{}`},
		{`{"using":[],"methodCalls":[],"createdIds":{"k":"x"}}`, `"createdIds":{"k":"x"}`},
		{`{"using":[],"methodCalls":[["x",{},"1"],["Core/echo",{"a":1},"1"]]}`, `["error",{"type":"unknownMethod"},"1"],["Core/echo",{"a":1},"1"]`},
	} {
		a := h.do("POST", "/jmap/api", s.Token, tt.body)
		if a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), tt.want) || strings.Contains(string(a.body), "createdIds") != strings.Contains(tt.body, "createdIds") {
			t.Errorf("%s: %d %s", tt.body, a.StatusCode, a.body)
		}
	}
}

func TestSessionObject(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	a := h.do("GET", "/.well-known/jmap", s.Token, nil)
	session := into[jmap.Session](t, a, http.StatusOK)
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != jmap.RequestType || a.Request.URL.Path != "/.well-known/jmap" {
		t.Errorf("%v", a.Header)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"capabilities", "accounts", "primaryAccounts", "username", "apiUrl", "downloadUrl", "uploadUrl", "eventSourceUrl", "state"} {
		if members[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	account := session.Accounts[me]
	if len(session.Accounts) != 1 || !account.IsPersonal || account.IsReadOnly || account.Name != "Ana 101" || session.Username != "101" ||
		session.Limits().MaxObjectsInGet != 500 || account.Capabilities[office.Capability] == nil || account.Capabilities[jmap.Core] != nil {
		t.Errorf("%s", a.body)
	}
	for template, vars := range map[string][]string{
		session.DownloadURL: {"{accountId}", "{blobId}", "{name}", "{type}"}, session.UploadURL: {"{accountId}"},
		session.EventSourceURL: {"{types}", "{closeafter}", "{ping}"}, session.APIURL: nil,
	} {
		if !strings.HasPrefix(template, h.url+"/jmap/") || slices.ContainsFunc(vars, func(v string) bool { return !strings.Contains(template, v) }) {
			t.Errorf("%s, want %v", template, vars)
		}
	}
	own := capabilityOf(t, session)
	if own.Fax.Enabled || own.Fax.Reason != "notInstalled" || own.Limits.FaxBytes != office.MaxFaxBytes || own.Limits.FaxPages != office.MaxFaxPages || own.Limits.GreetingBytes != office.MaxGreetingBytes {
		t.Errorf("%+v", own)
	}
	if a := h.do("HEAD", "/.well-known/jmap", s.Token, nil); a.StatusCode != http.StatusOK || len(a.body) != 0 {
		t.Errorf("HEAD: %d", a.StatusCode)
	}
	for name, token := range map[string]string{"none": "", "another": strings.Repeat("x", 43), "long": strings.Repeat("x", 9999)} {
		if a := h.do("GET", "/.well-known/jmap", token, nil); a.StatusCode != http.StatusUnauthorized || a.Header.Get("Www-Authenticate") != `Bearer realm="timbre"` ||
			a.Header.Get("Content-Type") != jmap.ProblemType || a.Header.Get("Location") != "" {
			t.Errorf("token %s: %d %v", name, a.StatusCode, a.Header)
		}
	}
	// What anything in it changes, its state tells; an answer does too.
	other := "Ana María"
	if _, err := h.admin.SetExtension(t.Context(), "101", api.ExtensionChange{Name: &other}); err != nil {
		t.Fatal(err)
	}
	res := into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, `{"using":[],"methodCalls":[]}`), http.StatusOK)
	now := into[jmap.Session](t, h.do("GET", "/.well-known/jmap", s.Token, nil), http.StatusOK)
	if now.State == session.State || res.SessionState != now.State {
		t.Errorf("%s, then %s and %s", session.State, res.SessionState, now.State)
	}
}

func TestReferencesWithinARequest(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), string(h.account("101"))
	c := h.log("101", 1)
	body := strings.ReplaceAll(`{"using":["urn:ietf:params:jmap:core","urn:timbre:jmap:office"],"methodCalls":[
		["Call/query",{"accountId":"ME"},"0"],
		["Call/get",{"accountId":"ME","#ids":{"resultOf":"0","name":"Call/query","path":"/ids"},"properties":["peer"]},"1"]]}`, "ME", me)
	res := into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, body), http.StatusOK)
	var got jmap.GetResponse
	if err := res.Find("1", &got); err != nil || len(got.List) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := `{"id":"` + string(c.ID) + `","peer":{"number":"103","name":"Peer 1"}}`; string(got.List[0]) != want {
		t.Errorf("%s, want %s", got.List[0], want)
	}
	if res.SessionState != s.Session.State {
		t.Errorf("session state %s, want that of the session object %s", res.SessionState, s.Session.State)
	}
}

// FuzzRequest sends anything to the JMAP endpoint of a session.
func FuzzRequest(f *testing.F) {
	f.Add(`{"using":["urn:timbre:jmap:office"],"methodCalls":[["Voicemail/get",{"accountId":"ME"},"0"]]}`)
	f.Add(`{"using":["urn:timbre:jmap:office"],"methodCalls":[["Call/query",{"accountId":"ME","position":-9223372036854775808,"anchor":"x","anchorOffset":9223372036854775807,"filter":{"text":"%_\\"}},"0"]]}`)
	f.Add(`{"using":["urn:timbre:jmap:office"],"methodCalls":[["Call/changes",{"accountId":"ME","sinceState":"x.99999999999999999999"},"0"]]}`)
	f.Add(`{"using":["urn:timbre:jmap:office"],"methodCalls":[["Voicemail/set",{"accountId":"ME","update":{"x":{"isNew":true}},"destroy":["x","x"]},"0"],["Voicemail/get",{"accountId":"ME","#ids":{"resultOf":"0","name":"Voicemail/set","path":"/destroyed/*"}},"1"]]}`)
	f.Add(`{"using":["urn:timbre:jmap:office"],"createdIds":{"k":"x"},"methodCalls":[["Fax/set",{"accountId":"ME","create":{"k":{"clientRef":"01930000-0000-7000-8000-abcd00000001","number":"102","blobId":"x","resendOf":null}},"update":{"#k":{"state":"canceled"}},"destroy":["#k"]},"0"],["Fax/query",{"accountId":"ME","filter":{"state":"queued","isNew":false}},"1"]]}`)
	f.Add(`{"using":["urn:timbre:jmap:office"],"methodCalls":[["Call/set",{"accountId":"ME","update":{"x":{"quality":{"d":null},"quality/d":{}}}},"0"],["Profile/set",{"accountId":"ME","update":{"singleton":{"email":null}}},"1"]]}`)
	f.Add(`{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Blob/copy",{"fromAccountId":"ME","accountId":"ME","blobIds":["x",""]},"0"]]}`)
	h := open(f)
	s := h.login("101")
	h.leave("101", 1, "sound")
	h.log("101", 2)
	me := string(h.account("101"))
	f.Fuzz(func(t *testing.T, body string) {
		h.t = t
		a := h.do("POST", "/jmap/api", s.Token, strings.ReplaceAll(body, "ME", me))
		switch a.StatusCode {
		case http.StatusOK:
			var res jmap.Response
			if err := json.Unmarshal(a.body, &res); err != nil || strings.Contains(string(a.body), jmap.ServerFail) {
				t.Errorf("%s answered %s: %v", body, a.body, err)
			}
		case http.StatusBadRequest:
		default:
			t.Errorf("%s answered %d %s", body, a.StatusCode, a.body)
		}
	})
}

func TestAnswersArePackedWhereTheClientUnpacks(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	for n := range 50 {
		h.log("101", n)
	}
	r := jmap.Request{Using: []string{office.Capability}}
	r.Call("Call/get", jmap.GetArgs{AccountID: me})
	plain := h.do("POST", "/jmap/api", s.Token, r, "Accept-Encoding", "gzip;q=0, br")
	if plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v", plain.Header)
	}
	packed := h.do("POST", "/jmap/api", s.Token, r, "Accept-Encoding", "gzip") // so the client does not unpack by itself
	if packed.Header.Get("Content-Encoding") != "gzip" || len(packed.body)*4 > len(plain.body) {
		t.Errorf("%v: %d of %d bytes", packed.Header, len(packed.body), len(plain.body))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(z); err != nil || !bytes.Equal(unpacked, plain.body) {
		t.Errorf("unpacked to something else: %v", err)
	}
}
