package local

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// mailbox is what the server says of the mailbox.
func mailbox(ring int, attach bool) json.RawMessage {
	b, err := json.Marshal(struct {
		ID office.ID `json:"id"`
		office.VoicemailSettings
	}{office.Singleton, office.VoicemailSettings{IsEnabled: true, RingSeconds: ring, AttachAudio: attach, Greeting: office.Greeting{Kind: office.GreetingDefault}}})
	if err != nil {
		panic(err)
	}
	return b
}

// pull makes the mirror follow another change of the mailbox.
func pull(t *testing.T, m *Mirror, object json.RawMessage) {
	t.Helper()
	ctx := context.Background()
	since, err := m.State(ctx, VoicemailSettingsType)
	if err == nil {
		err = m.Apply(ctx, Page{Type: VoicemailSettingsType, Since: since, State: since + "1", Objects: []json.RawMessage{object}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func change1(t *testing.T, m *Mirror, patch map[string]any) {
	t.Helper()
	if err := m.Change(context.Background(), VoicemailSettingsType, patch, noon); err != nil {
		t.Fatal(err)
	}
}

// box returns what the user sees of the mailbox.
func box(t *testing.T, m *Mirror) (ring int, attach bool, pending string) {
	t.Helper()
	s, p, err := m.VoicemailSettings(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s.RingSeconds, s.AttachAudio, strings.Join(p, " ")
}

func TestSettingsAreReadOffline(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	if _, _, err := m.Profile(ctx); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("before the first sync: %v", err)
	}
	if err := m.Change(ctx, ProfileType, map[string]any{"email": "a@example.com"}, noon); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("changed what is not known: %v", err)
	}
	if err := m.Change(ctx, CallType, nil, noon); err == nil {
		t.Error("changed the call log")
	}
	until := noon.Add(time.Hour)
	for typ, body := range map[Type]string{
		ForwardingSettingsType: `{"id":"singleton","isEnabled":true,"when":{"busy":true},"number":"+525555550100","ringLocal":true,"requireKey":false}`,
		CallerIDSettingsType:   `{"id":"singleton","number":"","choices":["+525555550100"]}`,
		ProfileType:            `{"id":"singleton","name":"Ana","extension":"101","companyNumber":"+525555550100","email":"a@example.com","language":"es-MX"}`,
		AvailabilityType:       `{"id":"singleton","dndUntil":"2026-11-23T13:00:00Z"}`,
	} {
		fill(t, m, typ, json.RawMessage(body))
		if s, err := m.State(ctx, typ); s != "1" || err != nil {
			t.Errorf("%s: state %q, %v", typ, s, err)
		}
	}
	f, _, err := m.ForwardingSettings(ctx)
	if want := (office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{office.ForwardBusy: true}, Number: "+525555550100", RingLocal: true}); err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("%+v, %v", f, err)
	}
	if c, _, err := m.CallerIDSettings(ctx); err != nil || len(c.Choices) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if p, _, err := m.Profile(ctx); err != nil || p.Name != "Ana" {
		t.Errorf("%+v, %v", p, err)
	}
	if a, _, err := m.Availability(ctx); err != nil || a.DNDUntil == nil || !a.DNDUntil.Equal(until) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestChangesLieOverTheServersSettings(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	fill(t, m, ForwardingSettingsType, json.RawMessage(`{"isEnabled":true,"when":{"busy":true,"offline":true}}`))
	change1(t, m, map[string]any{"ringSeconds": 30})
	change1(t, m, map[string]any{"attachAudio": true})
	change1(t, m, map[string]any{"ringSeconds": 40})
	if ring, attach, pending := box(t, m); ring != 40 || !attach || pending != "attachAudio ringSeconds" {
		t.Errorf("ring %d, attach %v, pending %q", ring, attach, pending)
	}
	if err := m.Change(ctx, ForwardingSettingsType, map[string]any{"when": office.WhenSet{office.ForwardAlways: true}}, noon); err != nil {
		t.Fatal(err)
	}
	if f, _, err := m.ForwardingSettings(ctx); err != nil || len(f.When) != 1 || !f.When[office.ForwardAlways] {
		t.Errorf("a set is replaced, not added to: %+v, %v", f, err)
	}
	edits := take(t, m, noon)
	if len(edits) != 2 || edits[0].State != "1" || !same(edits[0].Patch, json.RawMessage(`{"attachAudio":true,"ringSeconds":40}`)) {
		t.Fatalf("%+v", edits)
	}
	if err := m.Accept(ctx, edits[0]); err != nil {
		t.Fatal(err)
	}
	if ring, attach, pending := box(t, m); ring != 40 || !attach || pending != "" {
		t.Errorf("after the answer: ring %d, attach %v, pending %q", ring, attach, pending)
	}
}

// A form that is saved as it was changes nothing; one value that is put back is
// still sent, for the other may have arrived.
func TestWhatIsSoAlreadyIsNotSent(t *testing.T) {
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	change1(t, m, map[string]any{"ringSeconds": 25, "attachAudio": false, "greeting": office.Greeting{Kind: office.GreetingDefault}})
	change1(t, m, nil)
	if n := pending(t, m); n != 0 {
		t.Errorf("%d pending", n)
	}
	change1(t, m, map[string]any{"ringSeconds": 30})
	change1(t, m, map[string]any{"ringSeconds": 25, "attachAudio": false})
	if edits := take(t, m, noon); len(edits) != 1 || string(edits[0].Patch) != `{"ringSeconds":25}` {
		t.Errorf("%+v", edits)
	}
}

// Each case is a change of ringSeconds from 25 to 40 that is not sent yet, and
// what then comes from the server.
func TestConflicts(t *testing.T) {
	for name, c := range map[string]struct {
		server   json.RawMessage
		conflict bool
	}{
		"nothing":           {mailbox(25, false), false},
		"another property":  {mailbox(25, true), false},
		"the same property": {mailbox(10, false), true},
		"to the same value": {mailbox(40, true), false},
	} {
		ctx := context.Background()
		m := open(t, t.TempDir())
		fill(t, m, VoicemailSettingsType, mailbox(25, false))
		change1(t, m, map[string]any{"ringSeconds": 40})
		pull(t, m, c.server)
		before, _ := m.Stamps(ctx)
		edits := take(t, m, noon)
		refused, err := m.Refused(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !c.conflict {
			if len(edits) != 1 || edits[0].State != "11" || len(refused) != 0 {
				t.Errorf("%s: %+v, refused %+v", name, edits, refused)
			}
			continue
		}
		if len(edits) != 0 || len(refused) != 1 || refused[0].Reason != Conflict || refused[0].Type != VoicemailSettingsType ||
			!same(refused[0].Mine, json.RawMessage(`{"ringSeconds":40}`)) || !same(refused[0].Theirs, json.RawMessage(`{"ringSeconds":10}`)) {
			t.Fatalf("%s: %+v, refused %+v", name, edits, refused)
		}
		if after, _ := m.Stamps(ctx); after.Settings == before.Settings {
			t.Errorf("%s: nobody is told", name)
		}
		if ring, _, pending := box(t, m); ring != 10 || pending != "" {
			t.Errorf("%s: ring %d, pending %q; want theirs", name, ring, pending)
		}
		if err := m.Retry(ctx, refused[0].Seq, noon); err != nil { // the user insists
			t.Fatal(err)
		}
		if ring, _, pending := box(t, m); ring != 40 || pending != "ringSeconds" {
			t.Errorf("%s, again: ring %d, pending %q; want mine", name, ring, pending)
		}
		if edits := take(t, m, noon); len(edits) != 1 {
			t.Errorf("%s, again: %+v", name, edits)
		}
		if refused, _ := m.Refused(ctx); len(refused) != 0 {
			t.Errorf("%s, again: refused %+v", name, refused)
		}
	}
}

// What the server may have made of this user's own changes is no conflict, though
// the answer was lost or came late.
func TestOwnChangesAreNoConflict(t *testing.T) {
	ctx := context.Background()
	for name, lost := range map[string]bool{"answer lost": true, "answer late": false} {
		m := open(t, t.TempDir())
		fill(t, m, VoicemailSettingsType, mailbox(25, false))
		change1(t, m, map[string]any{"ringSeconds": 30})
		sent := take(t, m, noon)
		change1(t, m, map[string]any{"ringSeconds": 40, "attachAudio": true})
		if !lost {
			if err := m.Accept(ctx, sent[0]); err != nil {
				t.Fatal(err)
			}
			if ring, _, _ := box(t, m); ring != 40 {
				t.Errorf("%s: ring %d", name, ring)
			}
		}
		pull(t, m, mailbox(30, false))
		edits := take(t, m, noon)
		if len(edits) != 1 || !same(edits[0].Patch, json.RawMessage(`{"ringSeconds":40,"attachAudio":true}`)) {
			t.Errorf("%s: %+v", name, edits)
		}
	}
}

// The server keeps times in milliseconds.
func TestATimeThatTheServerRoundedIsTheSame(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, AvailabilityType, json.RawMessage(`{"dndUntil":null}`))
	until := noon.Add(1234567 * time.Nanosecond)
	if err := m.Change(ctx, AvailabilityType, map[string]any{"dndUntil": until}, noon); err != nil {
		t.Fatal(err)
	}
	take(t, m, noon)
	if err := m.Apply(ctx, Page{Type: AvailabilityType, Since: "1", State: "2", Objects: []json.RawMessage{json.RawMessage(`{"dndUntil":"2026-11-23T12:00:00.001Z"}`)}}); err != nil {
		t.Fatal(err)
	}
	if edits := take(t, m, noon); len(edits) != 1 {
		t.Errorf("%+v", edits)
	}
	if err := m.Change(ctx, AvailabilityType, map[string]any{"dndUntil": nil}, noon); err != nil {
		t.Fatal(err)
	}
	if a, _, err := m.Availability(ctx); a.DNDUntil != nil || err != nil {
		t.Errorf("%v, %v", a.DNDUntil, err)
	}
}

// While the copy is built anew, a change waits for what it can be compared with.
func TestChangeWaitsForTheSettings(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	change1(t, m, map[string]any{"ringSeconds": 40})
	if _, err := m.data().Query(ctx, `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	clearTable(t, m, "setting", "state")
	if edits := take(t, m, noon); len(edits) != 0 {
		t.Errorf("%+v", edits)
	}
	fill(t, m, VoicemailSettingsType, mailbox(25, true))
	if edits := take(t, m, noon); len(edits) != 1 {
		t.Errorf("%+v", edits)
	}
}

func TestGreetingWaitsWithItsSound(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	sound := string(noise(1000))
	if err := m.SetGreeting(ctx, strings.NewReader(sound), nil, noon); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("before the first sync: %v", err)
	}
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	until := noon.Add(time.Hour)
	for range 2 { // the second replaces the first
		if err := m.SetGreeting(ctx, strings.NewReader(sound), &until, noon); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(outboxFiles(t, m)); n != 1 {
		t.Errorf("%d files", n)
	}
	s, p, err := m.VoicemailSettings(ctx)
	if err != nil || s.Greeting.Kind != office.GreetingTemporary || !s.Greeting.Until.Equal(until) || len(p) != 1 {
		t.Errorf("%+v, %v, %v", s, p, err)
	}
	if got := readAll(t)(m.OpenGreeting(ctx)); got != sound {
		t.Errorf("%d octets of the waiting greeting", len(got))
	}
	edits := take(t, m, noon)
	if len(edits) != 1 || edits[0].Action != SendGreeting || !edits[0].Upload {
		t.Fatalf("%+v", edits)
	}
	content, _, err := m.File(ctx, edits[0])
	if got := readAll(t)(content, err); got != sound {
		t.Errorf("%d octets to upload", len(got))
	}
	if err := m.Uploaded(ctx, edits[0], "b7"); err != nil {
		t.Fatal(err)
	}
	edits = take(t, m, noon)
	if len(edits) != 1 || edits[0].Upload || !same(edits[0].Patch, json.RawMessage(`{"greeting":{"kind":"temporary","blobId":"b7","until":"2026-11-23T13:00:00Z"}}`)) {
		t.Fatalf("%+v: %s", edits, edits[0].Patch)
	}
	if err := m.Accept(ctx, edits[0]); err != nil {
		t.Fatal(err)
	}
	if s, p, err = m.VoicemailSettings(ctx); err != nil || s.Greeting.BlobID != "b7" || len(p) != 0 {
		t.Errorf("%+v, %v, %v", s, p, err)
	}
	if files := outboxFiles(t, m); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	if _, err := m.OpenGreeting(ctx); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Back to the default, while a recording waits, means that it is not wanted.
func TestDefaultGreetingForgetsTheRecording(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	if err := m.SetGreeting(ctx, strings.NewReader("RIFF"), nil, noon); err != nil {
		t.Fatal(err)
	}
	change1(t, m, map[string]any{"greeting": office.Greeting{Kind: office.GreetingDefault}})
	if edits := take(t, m, noon); len(edits) != 0 {
		t.Errorf("%+v", edits)
	}
	if files := outboxFiles(t, m); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	// One that perhaps has arrived is taken back on the server.
	if err := m.SetGreeting(ctx, strings.NewReader("RIFF"), nil, noon); err != nil {
		t.Fatal(err)
	}
	if err := m.Uploaded(ctx, take(t, m, noon)[0], "b7"); err != nil {
		t.Fatal(err)
	}
	sent := take(t, m, noon)
	change1(t, m, map[string]any{"greeting": office.Greeting{Kind: office.GreetingDefault}})
	if s, _, err := m.VoicemailSettings(ctx); s.Greeting.Kind != office.GreetingDefault || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if err := m.Accept(ctx, sent[0]); err != nil {
		t.Fatal(err)
	}
	// The server made another sound of it.
	pull(t, m, json.RawMessage(`{"isEnabled":true,"ringSeconds":25,"attachAudio":false,"greeting":{"kind":"own","blobId":"b8"}}`))
	if edits := take(t, m, noon); len(edits) != 1 || edits[0].Action != Patch {
		t.Errorf("%+v", edits)
	}
	big := strings.NewReader(strings.Repeat("x", office.MaxGreetingBytes+1))
	if err := m.SetGreeting(ctx, big, nil, noon); !errors.Is(err, office.ErrGreeting) {
		t.Errorf("too large: %v", err)
	}
}

// Only what somebody else changed is a conflict; the rest of the change is sent.
func TestConflictIsOfOnePropertyAlone(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	change1(t, m, map[string]any{"ringSeconds": 29, "attachAudio": true})
	pull(t, m, mailbox(10, false))
	edits := take(t, m, noon)
	if len(edits) != 1 || !same(edits[0].Patch, json.RawMessage(`{"attachAudio":true}`)) || edits[0].State == "" {
		t.Fatalf("sent %+v", edits)
	}
	refused, err := m.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Reason != Conflict || !same(refused[0].Mine, json.RawMessage(`{"ringSeconds":29}`)) || !same(refused[0].Theirs, json.RawMessage(`{"ringSeconds":10}`)) {
		t.Fatalf("refused %+v, %v", refused, err)
	}
	if ring, attach, pending := box(t, m); ring != 10 || !attach || pending != "attachAudio" {
		t.Errorf("%d, %v, %q", ring, attach, pending)
	}
	if again := take(t, m, noon); len(again) != 1 || again[0].Seq != edits[0].Seq {
		t.Errorf("taken again: %+v", again)
	}
	if refused, err := m.Refused(ctx); len(refused) != 1 || err != nil {
		t.Errorf("set aside again: %+v, %v", refused, err)
	}
	if err := errors.Join(m.Accept(ctx, edits[0]), m.Retry(ctx, refused[0].Seq, noon)); err != nil {
		t.Fatal(err)
	}
	if again := take(t, m, noon); len(again) != 1 || !same(again[0].Patch, json.RawMessage(`{"ringSeconds":29}`)) {
		t.Errorf("tried again: %+v", again)
	}
	if refused, err := m.Refused(ctx); len(refused) != 0 || err != nil {
		t.Errorf("left %+v, %v", refused, err)
	}
}

// What the user wants now is the only thing that is wanted, and theirs is what the
// server has now.
func TestNewerEditDropsTheRefusalOfAnOlder(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	change1(t, m, map[string]any{"ringSeconds": 29, "attachAudio": true})
	pull(t, m, mailbox(10, false))
	if err := m.Refuse(ctx, take(t, m, noon)[0], "forbidden", noon); err != nil {
		t.Fatal(err)
	}
	pull(t, m, mailbox(15, false))
	refused, err := m.Refused(ctx)
	if err != nil || len(refused) != 2 {
		t.Fatalf("%+v, %v", refused, err)
	}
	for _, r := range refused {
		switch r.Reason {
		case Conflict:
			if !same(r.Theirs, json.RawMessage(`{"ringSeconds":15}`)) {
				t.Errorf("theirs: %s", r.Theirs)
			}
		case "forbidden":
			if r.Theirs != nil {
				t.Errorf("theirs: %s", r.Theirs)
			}
		}
	}
	pull(t, m, mailbox(29, false))
	if refused, err = m.Refused(ctx); err != nil || len(refused) != 1 {
		t.Errorf("a conflict that is none any more: %+v, %v", refused, err)
	}
	pull(t, m, mailbox(15, false))
	change1(t, m, map[string]any{"ringSeconds": 15}) // that is what the server has
	if refused, err = m.Refused(ctx); err != nil || len(refused) != 1 || refused[0].Reason != "forbidden" {
		t.Errorf("%+v, %v", refused, err)
	}
	change1(t, m, map[string]any{"attachAudio": true})
	if refused, err = m.Refused(ctx); err != nil || len(refused) != 0 {
		t.Errorf("%+v, %v", refused, err)
	}
	change1(t, m, map[string]any{"attachAudio": false})
	change1(t, m, map[string]any{"ringSeconds": 20, "attachAudio": true})
	if err := m.Refuse(ctx, take(t, m, noon)[0], "forbidden", noon); err != nil {
		t.Fatal(err)
	}
	change1(t, m, map[string]any{"ringSeconds": 21})
	if refused, err = m.Refused(ctx); err != nil || len(refused) != 1 || !same(refused[0].Mine, json.RawMessage(`{"attachAudio":true}`)) {
		t.Errorf("one of two: %+v, %v", refused, err)
	}
}

func TestNewerGreetingDropsTheRefusedOne(t *testing.T) {
	ctx := context.Background()
	for name, newer := range map[string]func(*Mirror) error{
		"default": func(m *Mirror) error {
			return m.Change(ctx, VoicemailSettingsType, map[string]any{"greeting": office.Greeting{Kind: office.GreetingDefault}}, noon)
		},
		"another": func(m *Mirror) error { return m.SetGreeting(ctx, strings.NewReader("RIFF2"), nil, noon) },
	} {
		m := open(t, t.TempDir())
		fill(t, m, VoicemailSettingsType, mailbox(25, false))
		if err := m.SetGreeting(ctx, strings.NewReader("RIFF"), nil, noon); err != nil {
			t.Fatal(err)
		}
		if err := m.Refuse(ctx, take(t, m, noon)[0], "invalidProperties", noon); err != nil {
			t.Fatal(err)
		}
		old := outboxFiles(t, m)
		if err := newer(m); err != nil {
			t.Fatal(err)
		}
		if refused, err := m.Refused(ctx); len(refused) != 0 || err != nil {
			t.Errorf("%s: %+v, %v", name, refused, err)
		}
		if now := outboxFiles(t, m); len(now) == 1 && now[0] == old[0] || len(now) > 1 {
			t.Errorf("%s: files %v", name, now)
		}
	}
}

func TestNewerMarkDropsTheRefusalOfAnOlder(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := m.MarkVoicemail(ctx, "v1", false); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Refuse(ctx, take(t, m, noon)[0], "forbidden", noon), m.MarkVoicemail(ctx, "v1", false)); err != nil {
		t.Fatal(err)
	}
	if refused, err := m.Refused(ctx); len(refused) != 0 || err != nil {
		t.Errorf("%+v, %v", refused, err)
	}
	if edits := take(t, m, noon); len(edits) != 1 {
		t.Errorf("%+v", edits)
	}
}
