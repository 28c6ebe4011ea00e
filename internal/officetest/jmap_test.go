package officetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gojmap "git.sr.ht/~rockorager/go-jmap"
	"git.sr.ht/~rockorager/go-jmap/core"
	"git.sr.ht/~rockorager/go-jmap/core/push"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/officetest"
)

// TestOfficeThroughAnotherClientLibrary visits a mailbox with a JMAP client that
// is not ours and knows of telephones only what the visit tells it.
func TestOfficeThroughAnotherClientLibrary(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 2*time.Minute)
	o := started(t, ctx, officetest.Spawn, officetest.Options{})
	leaveMessage(t, ctx, phone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000}), "103", 3*time.Second)

	for name, answer := range map[string]func() gojmap.MethodResponse{
		"Voicemail/get": answered[got], "Voicemail/changes": answered[changed], "Voicemail/set": answered[done],
		"Call/query": answered[found], "Call/get": answered[got], "Extension/get": answered[got],
		"VoicemailSettings/get": answered[got], "VoicemailSettings/set": answered[done],
		"Fax/set": answered[done], "Fax/get": answered[got],
	} {
		gojmap.RegisterMethod(name, answer)
	}
	v := &jmapVisit{t: t, ctx: ctx, o: o}
	v.enter("103")
	for _, part := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"session", v.session},
		{"log", v.callLog},
		{"voicemail", v.voicemail},
		{"settings", v.settings},
		{"fax", v.fax},
		{"refusals", v.refusals},
	} {
		t.Run(part.name, func(t *testing.T) {
			v.t = t
			part.do(t)
		})
	}
}

func (v *jmapVisit) session(t *testing.T) {
	s := v.client.Session
	limits, ok := s.Capabilities[gojmap.CoreURI].(*core.Core)
	if !ok || limits.MaxCallsInRequest < 16 || limits.MaxObjectsInGet < 500 || limits.MaxObjectsInSet < 500 || limits.MaxConcurrentUpload < 4 {
		t.Errorf("core: %+v", s.Capabilities)
	}
	a := s.Accounts[v.account]
	if a.Name != "Marta Ruiz" || !a.IsPersonal || a.IsReadOnly || a.RawCapabilities[office.Capability] == nil || s.Username != "103" || s.State == "" {
		t.Errorf("%+v", s)
	}
	if echo := as[core.Echo](v, v.call(core.Echo{Hello: "¿se oye?"})[0]); echo.Hello != "¿se oye?" {
		t.Errorf("%+v", echo)
	}
	var names []string
	for _, raw := range one[got](v, "Extension/get", map[string]any{"ids": nil}).List {
		names = append(names, object[office.Entry](v, []json.RawMessage{raw}).Name)
	}
	if !slices.Contains(names, "Ana López") {
		t.Errorf("%v", names)
	}
}

func (v *jmapVisit) callLog(t *testing.T) {
	answers := v.call(
		method{"Call/query", map[string]any{
			"filter": map[string]any{"kind": "missed"}, "sort": []any{map[string]any{"property": "startedAt", "isAscending": false}},
			"position": 0, "limit": 10, "calculateTotal": true,
		}},
		method{"Call/get", map[string]any{
			"#ids":       gojmap.ResultReference{ResultOf: "0", Name: "Call/query", Path: "/ids"},
			"properties": []string{"peer", "outcome"},
		}},
	)
	q, g := as[found](v, answers[0]), as[got](v, answers[1])
	c := object[office.Call](v, g.List)
	if q.Total == nil || *q.Total != 1 || q.QueryState == "" || string(c.ID) != string(q.IDs[0]) || c.Outcome != office.ToVoicemail || c.Peer.Number != "101" || !c.StartedAt.IsZero() {
		t.Errorf("%+v, %s", q, g.List)
	}
}

func (v *jmapVisit) voicemail(t *testing.T) {
	told := make(chan *gojmap.StateChange, 100)
	events := &push.EventSource{Client: v.client, Handler: func(c *gojmap.StateChange) { told <- c }, Events: []gojmap.EventType{"Voicemail"}}
	ended := make(chan error, 1)
	go func() { ended <- events.Listen() }()
	state := func() string {
		t.Helper()
		select {
		case c := <-told:
			if c.Type != "StateChange" || len(c.Changed[v.account]) != 1 {
				t.Errorf("%+v", c)
			}
			return c.Changed[v.account]["Voicemail"]
		case <-v.ctx.Done():
			t.Fatal("no event")
		}
		return ""
	}
	first := one[got](v, "Voicemail/get", map[string]any{"ids": nil})
	m := object[office.Voicemail](v, first.List)
	now := state()
	defer func() { // only now the library has something to close
		events.Close()
		<-ended
	}()
	if now != first.State || !m.IsNew || m.From.Number != "101" {
		t.Errorf("%+v in state %s, told %s", m, first.State, now)
	}
	sound, err := v.client.DownloadWithContext(v.ctx, v.account, gojmap.ID(m.BlobID))
	if err != nil {
		t.Fatal(err)
	}
	if err := holdsTone(sound); err != nil {
		t.Error(err)
	}

	// The whole object goes back with one property changed (RFC 8620 §5.3).
	var whole gojmap.Patch
	if err := json.Unmarshal(first.List[0], &whole); err != nil {
		t.Fatal(err)
	}
	whole["isNew"] = false
	id := gojmap.ID(m.ID)
	heard := one[done](v, "Voicemail/set", map[string]any{"ifInState": first.State, "create": nil, "update": map[gojmap.ID]gojmap.Patch{id: whole}, "destroy": nil})
	if _, ok := heard.Updated[id]; !ok || heard.OldState != first.State || heard.NewState == first.State {
		t.Errorf("%+v", heard)
	}
	if now := state(); now != heard.NewState {
		t.Errorf("told %s, want %s", now, heard.NewState)
	}
	c := one[changed](v, "Voicemail/changes", map[string]any{"sinceState": first.State, "maxChanges": nil})
	if c.OldState != first.State || c.NewState != heard.NewState || c.HasMoreChanges || !slices.Equal(c.Updated, []gojmap.ID{id}) || len(c.Created)+len(c.Destroyed) != 0 {
		t.Errorf("%+v", c)
	}
	gone := one[done](v, "Voicemail/set", map[string]any{"destroy": []gojmap.ID{id}})
	if now := state(); !slices.Equal(gone.Destroyed, []gojmap.ID{id}) || now != gone.NewState {
		t.Errorf("%+v, told %s", gone, now)
	}
	answers := v.call(
		method{"Voicemail/changes", map[string]any{"sinceState": heard.NewState}},
		method{"Voicemail/get", map[string]any{"#ids": gojmap.ResultReference{ResultOf: "0", Name: "Voicemail/changes", Path: "/destroyed"}}},
	)
	if g := as[got](v, answers[1]); !slices.Equal(g.NotFound, []gojmap.ID{id}) || len(g.List) != 0 {
		t.Errorf("%+v", g)
	}
}

func (v *jmapVisit) settings(t *testing.T) {
	const singleton = gojmap.ID(office.Singleton)
	was := one[got](v, "VoicemailSettings/get", map[string]any{"ids": []gojmap.ID{singleton}})
	set := func(ifInState any, p gojmap.Patch) map[string]any {
		return map[string]any{"ifInState": ifInState, "update": map[gojmap.ID]gojmap.Patch{singleton: p}}
	}
	file := filepath.Join(t.TempDir(), "greeting.wav")
	if err := officetest.WriteTone(file, 1000, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	greeting, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	up, err := v.client.UploadWithContext(v.ctx, v.account, bytes.NewReader(greeting))
	if err != nil {
		t.Fatal(err)
	}
	if up.Account != v.account || up.Type != "application/json" || up.Size != uint64(len(greeting)) { // the type is what the library says of every file
		t.Errorf("%+v", up)
	}
	now := one[done](v, "VoicemailSettings/set", set(was.State, gojmap.Patch{"ringSeconds": 31, "greeting": map[string]any{"kind": "own", "blobId": up.ID}}))
	made, _ := now.Updated[singleton]["greeting"].(map[string]any)
	if blob, _ := made["blobId"].(string); blob == "" || blob == string(up.ID) || now.OldState != was.State {
		t.Fatalf("%+v: want the blob that callers hear", now)
	} else if sound, err := v.client.Download(v.account, gojmap.ID(blob)); err != nil {
		t.Error(err)
	} else {
		heard, err := io.ReadAll(sound)
		sound.Close()
		if s, err2 := media.ReadWAV(bytes.NewReader(heard)); err != nil || err2 != nil || officetest.Loudest(s, 1000) < -18 {
			t.Errorf("%d bytes of greeting: %v, %v", len(heard), err, err2)
		}
	}
	answers := v.call(
		method{"VoicemailSettings/set", set(was.State, gojmap.Patch{"ringSeconds": 32})},
		method{"VoicemailSettings/set", set(nil, gojmap.Patch{"ringSeconds": 999, "attachAudio": true})},
		method{"VoicemailSettings/get", map[string]any{"properties": []string{"ringSeconds", "attachAudio"}}},
	)
	if e := as[gojmap.MethodError](v, answers[0]); e.Type != "stateMismatch" {
		t.Errorf("%+v", e)
	}
	if e := as[done](v, answers[1]).NotUpdated[singleton]; e.Type != "invalidProperties" || e.Properties == nil || !slices.Equal(*e.Properties, []string{"ringSeconds"}) {
		t.Errorf("%+v", e)
	}
	if s := object[office.VoicemailSettings](v, as[got](v, answers[2]).List); s.RingSeconds != 31 || s.AttachAudio {
		t.Errorf("%+v", s)
	}
}

func (v *jmapVisit) fax(t *testing.T) {
	page := []byte("%PDF-1.4 of one page")
	up, err := v.client.Upload(v.account, bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	back, err := v.client.Download(v.account, up.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if same, err := io.ReadAll(back); err != nil || !bytes.Equal(same, page) {
		t.Errorf("%q, %v", same, err)
	}
	create := func() done {
		t.Helper()
		return one[done](v, "Fax/set", map[string]any{"create": map[string]any{"k1": map[string]any{
			"clientRef": "01930000-0000-7000-8000-abcd00000001", "number": "+525555550188", "blobId": up.ID,
		}}})
	}
	first := create()
	id, _ := first.Created["k1"]["id"].(string)
	if again := create(); id == "" || again.NotCreated["k1"].Type != "alreadyExists" || again.NewState != first.NewState {
		t.Errorf("%+v, then %+v", first, again)
	}
	if f := object[office.Fax](v, one[got](v, "Fax/get", map[string]any{"ids": []string{id}}).List); f.State != office.FaxQueued || f.BlobID == "" {
		t.Errorf("%+v", f)
	}
}

func (v *jmapVisit) refusals(t *testing.T) {
	answers := v.call(
		method{"Email/get", map[string]any{"ids": nil}},
		method{"Voicemail/changes", map[string]any{"sinceState": "of.another"}},
		method{"Voicemail/get", map[string]any{"ids": "all"}},
		method{"Call/get", map[string]any{"#ids": gojmap.ResultReference{ResultOf: "0", Name: "Email/get", Path: "/list"}}},
	)
	for i, want := range []string{"unknownMethod", "cannotCalculateChanges", "invalidArguments", "invalidResultReference"} {
		if e := as[gojmap.MethodError](v, answers[i]); e.Type != want {
			t.Errorf("call %d: %+v, want %s", i, e, want)
		}
	}
	if _, err := v.client.Download(v.account, "nothing"); err == nil {
		t.Error("a blob that is not there was downloaded")
	}
	r := &gojmap.Request{Context: v.ctx}
	for range 1 + v.client.Session.Capabilities[gojmap.CoreURI].(*core.Core).MaxCallsInRequest {
		r.Invoke(core.Echo{})
	}
	if res, err := v.client.Do(r); err == nil {
		t.Errorf("more calls than there may be were answered: %d", len(res.Responses))
	}
}
