package local

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
)

func take(t *testing.T, m *Mirror, now time.Time) []Edit {
	t.Helper()
	edits, err := m.TakeEdits(context.Background(), now, 10)
	if err != nil {
		t.Fatal(err)
	}
	return edits
}

func pending(t *testing.T, m *Mirror) int {
	t.Helper()
	n, err := m.Pending(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEditsLieOverTheServersRows(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}), voicemail("v2", noon.Add(time.Hour), office.Party{}))
	step := func(do string, err error, want string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", do, err)
		}
		if got := ids(t, m, Filter{}); got != want {
			t.Errorf("after %s: %q, want %q", do, got, want)
		}
	}
	step("nothing", nil, "v2* v1* ")
	step("hearing", m.MarkVoicemail(ctx, "v1", false), "v2* v1 ")
	step("deleting", m.DeleteVoicemail(ctx, "v2", noon), "v1 ")
	if err := m.MarkVoicemail(ctx, "v2", false); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("marked a deleted message: %v", err)
	}
	if err := m.DeleteVoicemail(ctx, "v2", noon); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("deleted a deleted message: %v", err)
	}
	step("undo", m.UndoDelete(ctx, "v2"), "v2* v1 ")
	if err := m.UndoDelete(ctx, "v2"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("undone twice: %v", err)
	}
	step("a pull of the old row", m.Apply(ctx, Page{Type: VoicemailType, Since: "1", State: "2", Objects: []json.RawMessage{voicemail("v1", noon, office.Party{})}}), "v2* v1 ")
	if n, err := m.NewVoicemails(ctx); n != 1 || err != nil {
		t.Errorf("%d new, %v", n, err)
	}
	if v, err := m.Voicemail(ctx, "v1"); err != nil || !v.IsPending || v.IsNew {
		t.Errorf("%+v, %v", v, err)
	}
	e := take(t, m, noon)
	if len(e) != 1 {
		t.Fatalf("%d edits", len(e))
	}
	step("an answer", m.Accept(ctx, e[0]), "v2* v1 ") // the row itself now
	if n := pending(t, m); n != 0 {
		t.Errorf("%d pending", n)
	}
	step("deleting the other", m.DeleteVoicemail(ctx, "v2", noon), "v1 ")
	e = take(t, m, noon)
	if err := m.UndoDelete(ctx, "v2"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("undone while nobody knows whether it was done: %v", err)
	}
	step("its answer", m.Accept(ctx, e[0]), "v1 ")
	if _, err := m.Voicemail(ctx, "v2"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestADestroyWaitsForItsUndo(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	m := open(t, dir)
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if _, waits, err := m.NextDue(ctx); waits || err != nil {
		t.Errorf("an empty outbox waits: %v", err)
	}
	if err := m.DeleteVoicemail(ctx, "v1", noon.Add(Hold)); err != nil {
		t.Fatal(err)
	}
	m.Close()
	m = open(t, dir) // it survives an exit
	if e := take(t, m, noon.Add(Hold-time.Millisecond)); len(e) != 0 {
		t.Errorf("taken too early: %+v", e)
	}
	if due, waits, err := m.NextDue(ctx); !waits || !due.Equal(noon.Add(Hold)) || err != nil {
		t.Errorf("due %v, %v, %v", due, waits, err)
	}
	if e := take(t, m, noon.Add(Hold)); len(e) != 1 || e[0].Action != Destroy {
		t.Errorf("taken when due: %+v", e)
	}
}

func TestEditsOfOneObjectKeepTheirOrder(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}), voicemail("v2", noon, office.Party{}))
	for _, err := range []error{
		m.MarkVoicemail(ctx, "v1", false),
		m.DeleteVoicemail(ctx, "v1", time.Time{}),
		m.MarkVoicemail(ctx, "v2", true),
		m.MarkVoicemail(ctx, "v2", false), // replaces the one before
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := pending(t, m); n != 3 {
		t.Errorf("%d pending", n)
	}
	first := take(t, m, noon)
	if len(first) != 2 || first[0].Object != "v1" || first[0].Action != Mark || string(first[1].Patch) != `{"isNew":false}` {
		t.Fatalf("%+v", first)
	}
	if again := take(t, m, noon); len(again) != 2 {
		t.Errorf("without an answer it must be taken again: %+v", again)
	}
	// A refused edit is set aside and blocks nothing.
	if err := m.Refuse(ctx, first[0], "forbidden", noon); err != nil {
		t.Fatal(err)
	}
	if next := take(t, m, noon); len(next) != 2 || next[0].Action != Destroy || next[0].Object != "v1" || next[1].Object != "v2" {
		t.Errorf("%+v", next)
	}
	refused, err := m.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Reason != "forbidden" || refused[0].Object != "v1" || !refused[0].At.Equal(noon) {
		t.Fatalf("%+v, %v", refused, err)
	}
	if err := m.Dismiss(ctx, refused[0].Seq); err != nil {
		t.Fatal(err)
	}
	if refused, err = m.Refused(ctx); len(refused) != 0 || err != nil {
		t.Errorf("%+v, %v", refused, err)
	}
}

// A mark made while an older one is on the wire must not be lost with its answer.
func TestAnswerDoesNotTakeTheNewerMark(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := m.MarkVoicemail(ctx, "v1", false); err != nil {
		t.Fatal(err)
	}
	sent := take(t, m, noon)
	if err := m.MarkVoicemail(ctx, "v1", true); err != nil {
		t.Fatal(err)
	}
	if err := m.Accept(ctx, sent[0]); err != nil {
		t.Fatal(err)
	}
	if e := take(t, m, noon); len(e) != 1 || string(e[0].Patch) != `{"isNew":true}` {
		t.Errorf("%+v", e)
	}
	if got := ids(t, m, Filter{}); got != "v1* " {
		t.Errorf("got %q", got)
	}
}

func TestARefusedDestroyShowsTheMessageAgain(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := m.DeleteVoicemail(ctx, "v1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Refuse(ctx, take(t, m, noon)[0], "forbidden", noon); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, m, Filter{}); got != "v1* " {
		t.Errorf("got %q", got)
	}
}

// A destroy does not wait for the time that a clock was set back.
func TestClockSetBackHoldsNoDestroyUp(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := m.DeleteVoicemail(ctx, "v1", noon.Add(Hold)); err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{noon, noon.Add(Hold - time.Millisecond)} {
		if edits := take(t, m, now); len(edits) != 0 {
			t.Fatalf("at %v: %v", now, edits)
		}
	}
	if edits := take(t, m, noon.Add(-time.Hour)); len(edits) != 1 {
		t.Errorf("an hour before: %v", edits)
	}
}

func TestQualityIsQueued(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	for _, loss := range []float64{0.5, 0.25} { // the second replaces the first
		if err := m.AddQuality(ctx, "c1", "d1", office.Quality{Codec: "opus", Loss: loss}); err != nil {
			t.Fatal(err)
		}
	}
	edits := take(t, m, noon)
	if len(edits) != 1 || edits[0].Type != CallType || string(edits[0].Patch) != `{"quality/d1":{"codec":"opus","loss":0.25,"jitter":0,"delay":0}}` {
		t.Fatalf("%+v", edits)
	}
	// The call is not in the log yet.
	if err := m.Postpone(ctx, edits[0], noon.Add(5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if edits := take(t, m, noon); len(edits) != 0 {
		t.Errorf("at once: %+v", edits)
	}
	if edits := take(t, m, noon.Add(5*time.Second)); len(edits) != 1 {
		t.Errorf("later: %+v", edits)
	}
	if err := m.Discard(ctx, edits[0]); err != nil {
		t.Fatal(err)
	}
	if n := pending(t, m); n != 0 {
		t.Errorf("%d pending", n)
	}
	if refused, err := m.Refused(ctx); len(refused) != 0 || err != nil {
		t.Errorf("%+v, %v", refused, err)
	}
}

// Objects of two types may have the same id, as all settings do.
func TestEditsOfTwoTypesDoNotWaitForEachOther(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	fill(t, m, ProfileType, json.RawMessage(`{"email":"a@example.com"}`))
	change1(t, m, map[string]any{"ringSeconds": 30})
	if err := m.Change(ctx, ProfileType, map[string]any{"email": "b@example.com"}, noon); err != nil {
		t.Fatal(err)
	}
	if edits := take(t, m, noon); len(edits) != 2 {
		t.Errorf("%+v", edits)
	}
}
