package local

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

func TestApply(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	page := Page{Type: VoicemailType, Since: "1", State: "2", Objects: []json.RawMessage{voicemail("v2", noon.Add(time.Minute), office.Party{})}, Destroyed: []office.ID{"v1", "never"}}
	if err := m.Apply(ctx, page); !errors.Is(err, ErrStale) {
		t.Errorf("a page before the first read: %v", err)
	}
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := m.Apply(ctx, page); err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(ctx, page); !errors.Is(err, ErrStale) {
		t.Errorf("the same page twice: %v", err)
	}
	if s, err := m.State(ctx, VoicemailType); s != "2" || err != nil {
		t.Errorf("state %q, %v", s, err)
	}
	if s, err := m.State(ctx, CallType); s != "" || err != nil {
		t.Errorf("state of calls %q, %v", s, err)
	}
	if got := ids(t, m, Filter{}); got != "v2* " {
		t.Errorf("got %q", got)
	}
}

// An object of the wrong form does not keep the others back.
func TestApplyLeavesOutWhatIsBroken(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType)
	err := m.Apply(ctx, Page{Type: VoicemailType, Since: "1", State: "2", Objects: []json.RawMessage{voicemail("v1", noon, office.Party{}), json.RawMessage(`{"receivedAt":7}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := m.State(ctx, VoicemailType); s != "2" || ids(t, m, Filter{}) != "v1* " {
		t.Errorf("state %q, rows %q", s, ids(t, m, Filter{}))
	}
	fill(t, m, CallType, json.RawMessage(`{"id":"c1","startedAt":"2026-03-01T12:00:00Z","duration":1e30}`),
		json.RawMessage(`{"id":"c2","startedAt":"2026-03-01T12:00:00Z","quality":7}`), json.RawMessage(`{"id":"c3","startedAt":"2026-03-01T12:00:00Z"}`))
	if calls, err := m.Calls(ctx, Filter{}); err != nil || len(calls) != 1 || calls[0].ID != "c3" {
		t.Errorf("calls %+v, %v", calls, err)
	}
}

// What a stranger wrote reaches no terminal as it is.
func TestPartiesAreCleaned(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	bad := office.Party{Number: "+52\x1b[2J55", Name: "Ana\x1b]0;x\a \u202eL\u00f3pez\n"}
	want := office.Party{Number: "+52[2J55", Name: "Ana]0;x López"}
	fill(t, m, VoicemailType, voicemail("v1", noon, bad))
	call, err := json.Marshal(office.Call{ID: "c1", Kind: "mis\x1bsed", Peer: bad, StartedAt: noon, AnsweredBy: "1\x1b01"})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, m, CallType, call)
	rows, err := m.Voicemails(ctx, Filter{})
	if err != nil || len(rows) != 1 || rows[0].From != want {
		t.Errorf("%+v, %v", rows, err)
	}
	calls, err := m.Calls(ctx, Filter{})
	if err != nil || len(calls) != 1 || calls[0].Peer != want || calls[0].Kind != "missed" || calls[0].AnsweredBy != "101" {
		t.Errorf("%+v, %v", calls, err)
	}
}

func TestFullReadRemovesWhatIsGone(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}), voicemail("v2", noon.Add(time.Minute), office.Party{}))
	lost, err := m.AgainRead(ctx, VoicemailType) // begun again by another process
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.AgainRead(ctx, VoicemailType)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.AddRead(ctx, r, "9", m.Parse(r.Type, []json.RawMessage{voicemail("v2", noon, office.Party{}), voicemail("v3", noon.Add(-time.Minute), office.Party{})}), "v3"); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, m, Filter{}); got != "v2* v1* v3* " {
		t.Errorf("while reading: %q", got)
	}
	if err := m.AddRead(ctx, lost, "8", Objects{}, ""); !errors.Is(err, ErrStale) {
		t.Errorf("adding to the lost round: %v", err)
	}
	if err := m.EndRead(ctx, lost); !errors.Is(err, ErrStale) {
		t.Errorf("ending the lost round: %v", err)
	}
	if err := m.EndRead(ctx, r); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, m, Filter{}); got != "v2* v3* " {
		t.Errorf("got %q", got)
	}
	if s, _ := m.State(ctx, VoicemailType); s != "9" {
		t.Errorf("state %q", s)
	}
}

func TestUnknownPropertiesAreKept(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, json.RawMessage(`{"id":"v1","receivedAt":"2026-11-23T12:00:00Z","transcript":"hola"}`))
	var body string
	if err := m.data().QueryRow(ctx, `SELECT body FROM voicemail`).Scan(&body); err != nil || !strings.Contains(body, `"transcript":"hola"`) {
		t.Errorf("%s, %v", body, err)
	}
}

func TestStampsSayWhatChanged(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType)
	fill(t, m, CallType)
	before, _ := m.Stamps(ctx)
	if err := m.Apply(ctx, Page{Type: CallType, Since: "1", State: "2", Objects: []json.RawMessage{call("c1", noon, office.Missed, office.Party{})}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(ctx, Page{Type: VoicemailType, Since: "1", State: "2"}); err != nil { // nothing in it
		t.Fatal(err)
	}
	after, _ := m.Stamps(ctx)
	if after.Calls != before.Calls+1 || after.Voicemails != before.Voicemails || after.Meta != before.Meta {
		t.Errorf("%+v, then %+v", before, after)
	}
}

// A full read that is cut off goes on in another process where it was, and what
// changes meanwhile is followed.
func TestFullReadGoesOn(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	m := open(t, dir)
	fill(t, m, VoicemailType, voicemail("gone", noon, office.Party{}))
	if reading, err := m.Reading(ctx, CallType); !reading || err != nil {
		t.Errorf("never read: %v, %v", reading, err)
	}
	r, err := m.AgainRead(ctx, VoicemailType)
	if err != nil || r.After != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := m.AddRead(ctx, r, "5", m.Parse(r.Type, []json.RawMessage{voicemail("v3", noon.Add(3*time.Hour), office.Party{})}), "v3"); err != nil {
		t.Fatal(err)
	}
	if err := m.AddRead(ctx, r, "5", Objects{}, "v3"); !errors.Is(err, ErrStale) {
		t.Errorf("the same page twice: %v", err)
	}
	if s, err := m.State(ctx, VoicemailType); s != "5" || err != nil {
		t.Errorf("state %q, %v: changes can be followed", s, err)
	}
	m.Close()
	m = open(t, dir)
	if reading, err := m.Reading(ctx, VoicemailType); !reading || err != nil {
		t.Errorf("cut off: %v, %v", reading, err)
	}
	if r, err = m.BeginRead(ctx, VoicemailType); err != nil || r.After != "v3" || r.Since != "5" {
		t.Fatalf("%+v, %v", r, err)
	}
	page := Page{Type: VoicemailType, Since: "5", State: "6", Objects: []json.RawMessage{voicemail("v4", noon.Add(4*time.Hour), office.Party{})}, Destroyed: []office.ID{"v3"}}
	if err := m.Apply(ctx, page); err != nil {
		t.Fatal(err)
	}
	// A page that was asked for before that may bring back what is gone.
	if err := m.AddRead(ctx, r, "6", m.Parse(r.Type, []json.RawMessage{voicemail("v2", noon, office.Party{})}), "v2"); !errors.Is(err, ErrStale) {
		t.Errorf("a page from before: %v", err)
	}
	if r, err = m.BeginRead(ctx, VoicemailType); err != nil || r.After != "v3" || r.Since != "6" {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := m.AddRead(ctx, r, "7", m.Parse(r.Type, []json.RawMessage{voicemail("v2", noon, office.Party{})}), "v2"); err != nil {
		t.Fatal(err)
	}
	if s, err := m.State(ctx, VoicemailType); s != "6" || err != nil {
		t.Errorf("state %q, %v: a later page does not move it", s, err)
	}
	if r, err = m.BeginRead(ctx, VoicemailType); err != nil || m.EndRead(ctx, r) != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := ids(t, m, Filter{}); got != "v4* v2* " {
		t.Errorf("got %q", got)
	}
	if reading, err := m.Reading(ctx, VoicemailType); reading || err != nil {
		t.Errorf("at the end: %v, %v", reading, err)
	}
	if err := m.EndRead(ctx, r); !errors.Is(err, ErrStale) {
		t.Errorf("ended twice: %v", err)
	}
}

// A read of which no page came cannot end: all would be gone.
func TestFullReadWithoutAPageDoesNotEnd(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	r, err := m.AgainRead(ctx, VoicemailType)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.EndRead(ctx, r); !errors.Is(err, ErrStale) {
		t.Errorf("got %v", err)
	}
	if got := ids(t, m, Filter{}); got != "v1* " {
		t.Errorf("got %q", got)
	}
}

// The settings share a table: reading one anew leaves the others.
func TestSettingsAreReadOneByOne(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, ProfileType, json.RawMessage(`{"name":"Ana"}`))
	for range 3 {
		fill(t, m, VoicemailSettingsType, mailbox(25, false))
	}
	if p, _, err := m.Profile(ctx); p.Name != "Ana" || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
}
