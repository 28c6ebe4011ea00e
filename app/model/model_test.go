package model

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/office"
	"timbre/sync/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests take place: a Monday, in Mexico City.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("CST", -6*3600))

// bench is a desk whose posts are run by the test, on its own goroutine.
type bench struct {
	*Desk
	t     *testing.T
	posts chan func()
}

func newBench(t *testing.T, lang office.Language) *bench {
	t.Helper()
	b := &bench{t: t, posts: make(chan func(), 1000)}
	b.Desk = NewDesk(NewPhrasebook(lang), slog.New(slog.DiscardHandler), func(f func()) { b.posts <- f })
	b.Now = func() time.Time { return noon }
	t.Cleanup(b.Close)
	return b
}

// until runs what is posted until done says so.
func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for !done() {
		select {
		case f := <-b.posts:
			f()
		case <-limit.C:
			b.t.Fatalf("%s: does not happen", what)
		}
	}
}

// box is a real local copy without a server behind it.
type box struct {
	*local.Mirror
	audioErr error
	saved    string
}

func (b *box) DeleteVoicemail(ctx context.Context, id office.ID) error {
	return b.Mirror.DeleteVoicemail(ctx, id, noon.Add(local.Hold))
}

func (b *box) Audio(context.Context, office.ID) (io.ReadSeekCloser, error) {
	return file{strings.NewReader("sound")}, b.audioErr
}

// file is a sound without a disk beneath it.
type file struct{ *strings.Reader }

func (file) Close() error { return nil }

func (b *box) Download(_ context.Context, id office.ID, dst string) error {
	b.saved = string(id) + " " + dst
	return nil
}

func newBox(t *testing.T, mails []office.Voicemail, calls []office.Call) *box {
	t.Helper()
	m, err := local.Open(t.Context(), t.TempDir(), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	fill(t, m, local.VoicemailType, mails)
	fill(t, m, local.CallType, calls)
	return &box{Mirror: m}
}

func fill[T any](t *testing.T, m *local.Mirror, kind local.Type, rows []T) {
	t.Helper()
	ctx := t.Context()
	var objects []json.RawMessage
	for _, r := range rows {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, b)
	}
	if err := m.Replace(ctx, kind, "1", objects); err != nil {
		t.Fatal(err)
	}
}

func message(id office.ID, who office.Party, before time.Duration, isNew bool) office.Voicemail {
	return office.Voicemail{ID: id, From: who, ReceivedAt: noon.Add(-before).UTC(), Duration: office.Of(34 * time.Second), IsNew: isNew, BlobID: "b" + id, Type: office.VoicemailType}
}

func call(id office.ID, k office.CallKind, o office.Outcome, before time.Duration) office.Call {
	return office.Call{ID: id, Kind: k, Outcome: o, Peer: office.Party{Number: "102", Name: "Luis"}, StartedAt: noon.Add(-before).UTC(), Duration: office.Of(65 * time.Second)}
}
