package engine

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// What the server may answer to a mark of v1 and a destroy of v2. Whatever one
// of them becomes, it must not hold back the other.
func TestSettle(t *testing.T) {
	for name, c := range map[string]struct {
		answer           string
		pending, refused int
		shown            int
		fails            bool
	}{
		"both done":         {`["Voicemail/set",{"updated":{"v1":null},"destroyed":["v2"]},"0"]`, 0, 0, 1, false},
		"changed more":      {`["Voicemail/set",{"updated":{"v1":{"size":1}},"destroyed":["v2"]},"0"]`, 0, 0, 1, false},
		"mark refused":      {`["Voicemail/set",{"notUpdated":{"v1":{"type":"forbidden"}},"destroyed":["v2"]},"0"]`, 0, 1, 1, false},
		"destroy refused":   {`["Voicemail/set",{"updated":{"v1":null},"notDestroyed":{"v2":{"type":"forbidden"}}},"0"]`, 0, 1, 2, false},
		"gone already":      {`["Voicemail/set",{"notUpdated":{"v1":{"type":"notFound"}},"notDestroyed":{"v2":{"type":"notFound"}}},"0"]`, 0, 0, 0, false},
		"too fast":          {`["Voicemail/set",{"notUpdated":{"v1":{"type":"rateLimit"}},"destroyed":["v2"]},"0"]`, 1, 0, 1, false},
		"one not mentioned": {`["Voicemail/set",{"destroyed":["v2"]},"0"]`, 1, 0, 1, false},
		"refused as such":   {`["error",{"type":"invalidArguments"},"0"]`, 0, 2, 2, false},
		"not now":           {`["error",{"type":"serverUnavailable"},"0"]`, 2, 0, 1, true},
		"no answer":         {`["Call/get",{},"1"]`, 2, 0, 1, true},
		"no answer at all":  {`["Voicemail/set",[],"0"]`, 2, 0, 1, true},
	} {
		ctx := context.Background()
		e := profileWith(t, "v1", "v2")
		l, err := e.current()
		check(t, err)
		check(t, e.MarkVoicemail(ctx, "v1", false))
		check(t, e.DeleteVoicemailNow(ctx, "v2"))
		edits, err := l.mirror.TakeEdits(ctx, e.now(), maxEdits)
		check(t, err)
		var response jmap.Response
		text := `{"methodResponses":[` + c.answer + `]}`
		failed := json.Unmarshal([]byte(text), &response) != nil
		if !failed {
			x := newExchange(e, l, nil)
			_, err := x.settle(ctx, &response, "0", edits)
			failed = err != nil
		}
		refused, err := e.Refused(ctx)
		check(t, err)
		rows, err := e.Voicemails(ctx, local.Filter{})
		check(t, err)
		if n := e.Status().Pending; n != c.pending || len(refused) != c.refused || len(rows) != c.shown || failed != c.fails {
			t.Errorf("%s: %d pending, %d refused, %d shown, failed %v", name, n, len(refused), len(rows), failed)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// profileWith returns an engine that is logged in, without a server, to an
// account with the given messages.
func profileWith(t *testing.T, ids ...office.ID) *Engine {
	t.Helper()
	ctx := context.Background()
	profile := t.TempDir()
	folder, err := local.Folder(profile, "a1")
	check(t, err)
	m, err := local.Open(ctx, folder, local.Options{})
	check(t, err)
	var objects []json.RawMessage
	for _, id := range ids {
		raw, err := json.Marshal(office.Voicemail{ID: id, ReceivedAt: time.Unix(0, 0), IsNew: true, BlobID: id})
		check(t, err)
		objects = append(objects, raw)
	}
	check(t, m.Replace(ctx, local.VoicemailType, "1", objects))
	record, err := json.Marshal(profileRecord{Account: Account{ID: "a1", Server: "https://office.test"}})
	check(t, err)
	check(t, m.SetMeta(ctx, profileKey, string(record)))
	check(t, m.Close())
	check(t, local.SetCurrent(profile, "a1"))
	e, err := Open(profile, Options{Offline: true})
	check(t, err)
	t.Cleanup(func() { check(t, e.Close()) })
	return e
}
