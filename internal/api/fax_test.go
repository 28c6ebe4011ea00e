package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/sync/jmap"
)

const document = "%PDF-1.4 of one page"

// ref returns the client's name of its nth fax.
func ref(n int) string { return fmt.Sprintf("01930000-0000-7000-8000-abcd%08d", n) }

// document uploads a file and returns its blob.
func (h *house) document(t *testing.T, s api.SessionReply, file string) string {
	t.Helper()
	return string(into[jmap.UploadResponse](t, h.upload(t, s.Token, s.Session, file), http.StatusOK).BlobID)
}

// faxes sends one Fax/set, whose arguments are text without an account.
func (h *house) faxes(t *testing.T, s api.SessionReply, me jmap.ID, args string) jmap.SetResponse {
	t.Helper()
	return must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Fax/set", json.RawMessage(`{"accountId":"`+string(me)+`",`+args+`}`)))
}

// queue has a document faxed and returns the fax.
func (h *house) queue(t *testing.T, s api.SessionReply, me jmap.ID, n int) office.Fax {
	t.Helper()
	set := h.faxes(t, s, me, fmt.Sprintf(`"create":{"k":{"clientRef":%q,"number":"102","blobId":%q}}`, ref(n), h.document(t, s, document)))
	var made struct{ ID jmap.ID }
	if err := json.Unmarshal(set.Created["k"], &made); err != nil {
		t.Fatalf("%+v: %v", set, err)
	}
	got := list[office.Fax](t, must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Fax/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{made.ID}})))
	return got[0]
}

// receive lets a fax come in for ext.
func (h *house) receive(t *testing.T, ext office.Number) office.Fax {
	t.Helper()
	ctx, account := context.Background(), h.account(ext)
	b, err := h.store.AddUpload(ctx, account, office.PDFType, strings.NewReader(document), office.MaxFaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := h.store.AddFax(ctx, account, office.Fax{Direction: office.FaxReceived, Number: "+525555550188", BlobID: b.ID, Pages: 1})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFaxJourney(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	events := h.listen(t, s.Token, "types=Fax", "")
	before := states(t, events.next("state"), office.ID(me))["Fax"]
	blob := h.document(t, s, document)
	create := fmt.Sprintf(`"create":{"k":{"clientRef":%q,"number":"55 1234-5678","blobId":%q,"resendOf":null}}`, strings.ToUpper(ref(1)), blob)
	set := h.faxes(t, s, me, create)
	var told map[string]any
	if err := json.Unmarshal(set.Created["k"], &told); err != nil || string(set.OldState) != before || set.NewState == before {
		t.Fatalf("%+v, %v", set, err)
	}
	if told["clientRef"] != ref(1) || told["number"] != "+525512345678" || told["state"] != "queued" || told["size"] != float64(len(document)) || told["type"] != office.PDFType {
		t.Errorf("told %v", told)
	}
	if _, said := told["blobId"]; said {
		t.Errorf("told what it knew: %v", told)
	}
	if now := states(t, events.next("state"), office.ID(me)); now["Fax"] != set.NewState {
		t.Errorf("announced %v, want %s", now, set.NewState)
	}
	changes := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, s.Token, "Fax/changes", jmap.ChangesArgs{AccountID: me, SinceState: before}))
	id := jmap.ID(told["id"].(string))
	if !slices.Equal(changes.Created, []jmap.ID{id}) || changes.NewState != set.NewState {
		t.Errorf("%+v", changes)
	}
	if a := h.do("GET", "/jmap/download/"+string(me)+"/"+blob+"/fax.pdf?accept=application/pdf", s.Token, nil); string(a.body) != document || a.Header.Get("Content-Type") != office.PDFType {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	other := h.login("102")
	for _, path := range []string{string(h.account("102")), string(me)} {
		if a := h.do("GET", "/jmap/download/"+path+"/"+blob+"/fax.pdf", other.Token, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("somebody else: %d", a.StatusCode)
		}
	}

	// Who did not hear the answer asks again, also when nothing is as it was.
	for name, again := range map[string]string{
		"the same":           create,
		"without the upload": fmt.Sprintf(`"create":{"k":{"clientRef":%q,"number":"nobody","blobId":"gone"}}`, ref(1)),
	} {
		set := h.faxes(t, s, me, again)
		if why := set.NotCreated["k"]; why.Type != jmap.AlreadyExists || why.ExistingID != id || set.NewState != changes.NewState {
			t.Errorf("%s: %+v", name, set)
		}
	}
	// Another's client reference is another fax.
	h.queue(t, other, jmap.ID(h.account("102")), 1)

	set = h.faxes(t, s, me, fmt.Sprintf(`"update":{%q:{"state":"canceled"}}`, id))
	if _, done := set.Updated[id]; !done {
		t.Fatalf("%+v", set)
	}
	resent := h.faxes(t, s, me, fmt.Sprintf(`"create":{
		"a":{"clientRef":%q,"number":"+525512345678","resendOf":%q,"blobId":%q},
		"b":{"clientRef":%q,"number":"+525512345678","resendOf":%q}}`, ref(2), id, blob, ref(3), id))
	if len(resent.Created) != 2 {
		t.Fatalf("%+v", resent)
	}
	set = h.faxes(t, s, me, fmt.Sprintf(`"destroy":[%q]`, id))
	if !slices.Equal(set.Destroyed, []jmap.ID{id}) {
		t.Fatalf("%+v", set)
	}
	if set = h.faxes(t, s, me, create); set.NotCreated["k"].ExistingID != id {
		t.Errorf("a deleted fax is sent again: %+v", set)
	}
	if a := h.do("GET", "/jmap/download/"+string(me)+"/"+blob+"/fax.pdf", s.Token, nil); a.StatusCode != http.StatusOK {
		t.Errorf("the pages of the other tries: %d", a.StatusCode)
	}
}

func TestFaxesThatAreNotMade(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	queued, received := h.queue(t, s, me, 100), h.receive(t, "101")
	foreign := h.queue(t, h.login("102"), jmap.ID(h.account("102")), 100)
	replace := strings.NewReplacer("BLOB", h.document(t, s, document), "SOUND", h.document(t, s, wav(1)), "VOICE", string(h.leave("101", 1, "sound").BlobID),
		"QUEUED", string(queued.ID), "RECEIVED", string(received.ID), "FOREIGN", string(foreign.ID), "THEIRS", string(foreign.BlobID), "REF", ref(1))
	state := h.faxes(t, s, me, `"create":{}`).NewState
	tests := []struct {
		name, fax string
		want      string
		wrong     []string
	}{
		{"no object", `7`, jmap.InvalidProperties, nil},
		{"null", `null`, jmap.InvalidProperties, nil},
		{"nothing", `{}`, jmap.InvalidProperties, []string{"blobId", "clientRef", "number"}},
		{"wrong types", `{"clientRef":1,"number":[],"blobId":{}}`, jmap.InvalidProperties, []string{"blobId", "clientRef", "number"}},
		{"no UUID", `{"clientRef":"one","number":"102","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"clientRef"}},
		{"a number in the place of a dash", `{"clientRef":"0193000000000-7000-8000-abcd00000001","number":"102","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"clientRef"}},
		{"the server's", `{"clientRef":"REF","number":"102","blobId":"BLOB","state":"sent","id":"x","pages":2}`, jmap.InvalidProperties, []string{"id", "pages", "state"}},
		{"unknown", `{"clientRef":"REF","number":"102","blobId":"BLOB","Number":"103"}`, jmap.InvalidProperties, []string{"Number"}},
		{"no number", `{"clientRef":"REF","number":"Ana","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"number"}},
		{"an emergency", `{"clientRef":"REF","number":"911","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"number"}},
		{"a service", `{"clientRef":"REF","number":"*43","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"number"}},
		{"nobody's", `{"clientRef":"REF","number":"199","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"number"}},
		{"not its right", `{"clientRef":"REF","number":"0012125550123","blobId":"BLOB"}`, jmap.Forbidden, nil},
		{"no such upload", `{"clientRef":"REF","number":"102","blobId":"gone"}`, jmap.BlobNotFound, nil},
		{"a path", `{"clientRef":"REF","number":"102","blobId":"../../x"}`, jmap.BlobNotFound, nil},
		{"another's pages", `{"clientRef":"REF","number":"102","blobId":"THEIRS"}`, jmap.BlobNotFound, nil},
		{"a sound", `{"clientRef":"REF","number":"102","blobId":"SOUND"}`, jmap.InvalidProperties, []string{"blobId"}},
		{"a voicemail", `{"clientRef":"REF","number":"102","blobId":"VOICE"}`, jmap.InvalidProperties, []string{"blobId"}},
		{"again before its end", `{"clientRef":"REF","number":"102","resendOf":"QUEUED"}`, jmap.InvalidProperties, []string{"resendOf"}},
		{"again what came in", `{"clientRef":"REF","number":"102","resendOf":"RECEIVED"}`, jmap.InvalidProperties, []string{"resendOf"}},
		{"again another's", `{"clientRef":"REF","number":"102","resendOf":"FOREIGN"}`, jmap.InvalidProperties, []string{"resendOf"}},
		{"again nothing", `{"clientRef":"REF","number":"102","resendOf":"none","blobId":"BLOB"}`, jmap.InvalidProperties, []string{"resendOf"}},
	}
	for _, tt := range tests {
		set := h.faxes(t, s, me, `"create":{"k":`+replace.Replace(tt.fax)+`}`)
		why := set.NotCreated["k"]
		if why.Type != tt.want || !slices.Equal(why.Properties, tt.wrong) || set.Created != nil || set.NewState != state {
			t.Errorf("%s: %+v", tt.name, set)
		}
		if tt.want == jmap.BlobNotFound && len(why.NotFound) != 1 {
			t.Errorf("%s: %+v does not say which", tt.name, why)
		}
	}
	set := h.faxes(t, s, me, `"update":{"`+string(queued.ID)+`":{"state":"canceled"}}`)
	set = h.faxes(t, s, me, fmt.Sprintf(`"create":{"k":{"clientRef":%q,"number":"102","resendOf":%q,"blobId":%q}}`, ref(1), queued.ID, h.document(t, s, document)))
	if why := set.NotCreated["k"]; !slices.Equal(why.Properties, []string{"blobId"}) {
		t.Errorf("again with other pages: %+v", set)
	}
	_, err := ask[jmap.SetResponse](h, s.Token, "Fax/set", jmap.SetArgs{AccountID: me, IfInState: new(state), Destroy: []jmap.ID{jmap.ID(queued.ID)}})
	wantMethodError(t, err, jmap.StateMismatch)
	_, err = ask[jmap.SetResponse](h, s.Token, "Fax/set", json.RawMessage(`{"accountId":"`+string(me)+`","ifInState":"","create":{"k":{}}}`))
	wantMethodError(t, err, jmap.StateMismatch)
}

func TestFaxesThatAreNotChanged(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	queued, received := jmap.ID(h.queue(t, s, me, 1).ID), jmap.ID(h.receive(t, "101").ID)
	canceled := jmap.ID(h.queue(t, s, me, 2).ID)
	foreign := jmap.ID(h.receive(t, "102").ID)
	h.faxes(t, s, me, fmt.Sprintf(`"update":{%q:{"state":"canceled"}}`, canceled))
	for _, tt := range []struct {
		name  string
		id    jmap.ID
		patch string
		want  string // empty: done
	}{
		{"a state of the server's", queued, `{"state":"sent"}`, jmap.InvalidProperties},
		{"no state", queued, `{"state":null}`, jmap.InvalidProperties},
		{"read, of one that was sent", queued, `{"isNew":true}`, jmap.InvalidProperties},
		{"as it is", queued, `{"isNew":false,"state":"queued","number":"102"}`, ""},
		{"the number", queued, `{"number":"103","state":"canceled"}`, jmap.InvalidProperties},
		{"back to the queue", canceled, `{"state":"queued"}`, jmap.InvalidProperties},
		{"canceled again", canceled, `{"state":"canceled"}`, ""},
		{"cancel what came in", received, `{"state":"canceled"}`, jmap.InvalidProperties},
		{"cancel and mark", received, `{"state":"canceled","isNew":false}`, jmap.InvalidProperties},
		{"no mark", received, `{"isNew":null}`, jmap.InvalidProperties},
		{"another's", foreign, `{"isNew":false}`, jmap.NotFound},
		{"nobody's", "none", `{}`, jmap.NotFound},
	} {
		before := list[office.Fax](t, must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Fax/get", jmap.GetArgs{AccountID: me})))
		set := h.faxes(t, s, me, fmt.Sprintf(`"update":{%q:%s}`, tt.id, tt.patch))
		if _, done := set.Updated[tt.id]; set.NotUpdated[tt.id].Type != tt.want || done != (tt.want == "") || set.NewState != string(set.OldState) {
			t.Errorf("%s: %+v", tt.name, set)
		}
		after := list[office.Fax](t, must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Fax/get", jmap.GetArgs{AccountID: me})))
		if len(after) != len(before) {
			t.Errorf("%s: %+v", tt.name, after)
		}
	}
	set := h.faxes(t, s, me, fmt.Sprintf(`"update":{%q:{"isNew":false}},"destroy":[%q,%q,"none"]`, received, queued, foreign))
	if _, done := set.Updated[received]; !done || set.Destroyed != nil || set.NotDestroyed[queued].Type != jmap.Forbidden ||
		set.NotDestroyed[foreign].Type != jmap.NotFound || set.NotDestroyed["none"].Type != jmap.NotFound {
		t.Errorf("%+v", set)
	}
	for filter, want := range map[string][]jmap.ID{
		`{"isNew":true}`:                   {},
		`{"state":"received"}`:             {received},
		`{"state":"queued"}`:               {queued},
		`{"text":"0188"}`:                  {received},
		`{"after":"2100-01-01T00:00:00Z"}`: {},
	} {
		q := must[jmap.QueryResponse](t)(ask[jmap.QueryResponse](h, s.Token, "Fax/query", jmap.QueryArgs{
			AccountID: me, Filter: json.RawMessage(filter), Sort: []jmap.Comparator{{Property: "createdAt", IsAscending: new(false)}},
		}))
		if !slices.Equal(q.IDs, want) {
			t.Errorf("%s: %v, want %v", filter, q.IDs, want)
		}
	}
}

// What is made in a request can be named in it before its id is known.
func TestFaxesByTheirCreationIDs(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), string(h.account("101"))
	body := strings.NewReplacer("ME", me, "REF", ref(1), "BLOB", h.document(t, s, document)).Replace(`{"using":["urn:timbre:jmap:office"],"createdIds":{"old":"x"},"methodCalls":[
		["Fax/set",{"accountId":"ME","create":{"k":{"clientRef":"REF","number":"102","blobId":"BLOB"}},"update":{"#k":{"state":"canceled"}}},"0"],
		["Fax/get",{"accountId":"ME","ids":["#k","#none"],"properties":["state"]},"1"],
		["Fax/set",{"accountId":"ME","destroy":["#k"]},"2"]]}`)
	res := into[jmap.Response](t, h.do("POST", "/jmap/api", s.Token, body), http.StatusOK)
	var made, gone jmap.SetResponse
	var got jmap.GetResponse
	if err := res.Find("0", &made); err != nil {
		t.Fatal(err)
	}
	if err := res.Find("1", &got); err != nil {
		t.Fatal(err)
	}
	if err := res.Find("2", &gone); err != nil {
		t.Fatal(err)
	}
	id := res.CreatedIDs["k"]
	if id == "" || res.CreatedIDs["old"] != "x" || len(made.Updated) != 1 || made.OldState == "" || !slices.Equal(gone.Destroyed, []jmap.ID{id}) {
		t.Errorf("%+v: %+v, then %+v", res.CreatedIDs, made, gone)
	}
	if len(got.List) != 1 || string(got.List[0]) != fmt.Sprintf(`{"id":%q,"state":"canceled"}`, id) || !slices.Equal(got.NotFound, []jmap.ID{"#none"}) {
		t.Errorf("%s, %v", got.List, got.NotFound)
	}
}

func TestFaxesOfADay(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	blob := h.document(t, s, document)
	create := func(from, to int) string {
		var all []string
		for n := from; n < to; n++ {
			all = append(all, fmt.Sprintf(`"k%d":{"clientRef":%q,"number":"102","blobId":%q}`, n, ref(n), blob))
		}
		return `"create":{` + strings.Join(all, ",") + `}`
	}
	if set := h.faxes(t, s, me, create(0, 499)); len(set.Created) != 499 {
		t.Fatalf("%d were made: %+v", len(set.Created), set.NotCreated)
	}
	set := h.faxes(t, s, me, create(498, 502))
	if set.NotCreated["k498"].Type != jmap.AlreadyExists || set.Created["k499"] == nil ||
		set.NotCreated["k500"].Type != jmap.RateLimit || set.NotCreated["k501"].Type != jmap.RateLimit {
		t.Errorf("%+v", set)
	}
}
