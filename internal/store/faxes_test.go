package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// pages uploads what a fax consists of.
func (f *fixture) pages(t *testing.T, account office.ID) office.ID {
	t.Helper()
	b, err := f.AddUpload(t.Context(), account, office.PDFType, strings.NewReader("%PDF-1.4 pages"), office.MaxFaxBytes)
	must(t, err)
	return b.ID
}

// fax queues a fax of account.
func (f *fixture) fax(t *testing.T, account office.ID, ref string) office.Fax {
	t.Helper()
	out := office.Fax{ClientRef: ref, Direction: office.FaxSent, Number: "+525555550199", Name: "Notaría Núñez", BlobID: f.pages(t, account), Pages: 2}
	added, existing, err := f.AddFax(t.Context(), account, out)
	if err != nil || existing {
		t.Fatalf("existing %t, %v", existing, err)
	}
	return added
}

// receive adds a fax that came in.
func (f *fixture) receive(t *testing.T, account office.ID) office.Fax {
	t.Helper()
	in := office.Fax{Direction: office.FaxReceived, Number: "+525555550188", BlobID: f.pages(t, account), Pages: 3}
	added, existing, err := f.AddFax(t.Context(), account, in)
	if err != nil || existing {
		t.Fatalf("existing %t, %v", existing, err)
	}
	return added
}

func faxes(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	before, err := f.State(ctx, ana, store.TypeFax)
	must(t, err)
	wake, cancel := f.Subscribe(ana)
	defer cancel()
	sent, received := f.fax(t, ana, "ref 1"), f.receive(t, ana)
	if !woken(wake) {
		t.Error("nobody was woken")
	}
	now := f.now.Truncate(time.Millisecond)
	for _, c := range []struct{ got, want office.Fax }{
		{sent, office.Fax{
			ID: sent.ID, ClientRef: "ref 1", Direction: office.FaxSent, Number: "+525555550199", Name: "Notaría Núñez", State: office.FaxQueued,
			BlobID: sent.BlobID, Size: 14, Type: office.PDFType, Pages: 2, CreatedAt: now,
		}},
		{received, office.Fax{
			ID: received.ID, Direction: office.FaxReceived, Number: "+525555550188", State: office.FaxArrived, IsNew: true,
			BlobID: received.BlobID, Size: 14, Type: office.PDFType, Pages: 3, PagesDone: 3, CreatedAt: now, FinishedAt: &now,
		}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("added %+v, want %+v", c.got, c.want)
		}
		f.restart(t)
		if read, err := f.Faxes(ctx, ana, c.want.ID); err != nil || len(read) != 1 || !reflect.DeepEqual(read[0], c.want) {
			t.Errorf("read %+v, %v; want %+v", read, err, c.want)
		}
	}
	if all, err := f.Faxes(ctx, beto, sent.ID, received.ID, "", "\x00"); len(all) != 0 || err != nil {
		t.Errorf("somebody else has %+v, %v", all, err)
	}
	if all, err := f.Faxes(ctx, ana); len(all) != 0 || err != nil {
		t.Errorf("none asked for: %+v, %v", all, err)
	}
	if c, err := f.Changes(ctx, ana, store.TypeFax, before, 0); err != nil || len(c.Created) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, _, err := f.AddFax(ctx, "nobody", office.Fax{}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a fax of nobody: %v", err)
	}
	f.now = f.now.Add(25 * time.Hour)
	must(t, f.KeepHouse(ctx))
	if file, _, err := f.OpenBlob(ctx, ana, sent.BlobID); err != nil {
		t.Errorf("pages that wait are gone: %v", err)
	} else {
		file.Close()
	}
}

// A client that did not hear the answer asks again, and has one fax.
func faxesOnceEach(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	first := f.fax(t, ana, "ref")
	if other := f.fax(t, beto, "ref"); other.ID == first.ID {
		t.Error("the same name of another's is the same fax")
	}
	f.receive(t, ana)
	f.receive(t, ana) // without a name there may be many
	last, err := f.State(ctx, ana, store.TypeFax)
	must(t, err)
	for _, again := range []office.Fax{
		{ClientRef: "ref", Direction: office.FaxSent, Number: "+1", BlobID: f.pages(t, ana)},
		{ClientRef: "ref", Direction: office.FaxSent, BlobID: "gone"}, // an upload does not live for ever
	} {
		got, existing, err := f.AddFax(ctx, ana, again)
		if err != nil || !existing || !reflect.DeepEqual(got, first) {
			t.Errorf("got %+v, %t, %v; want %+v", got, existing, err, first)
		}
	}
	if now, err := f.State(ctx, ana, store.TypeFax); now != last || err != nil {
		t.Errorf("state %s, then %s, %v", last, now, err)
	}
	if id, err := f.FaxOf(ctx, ana, "ref"); id != first.ID || err != nil {
		t.Errorf("%s, %v, want %s", id, err, first.ID)
	}
	if _, err := f.FaxOf(ctx, ana, "none"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("one that never was: %v", err)
	}
	// Also when it was deleted in between, by another device.
	_, err = f.SetFaxes(ctx, ana, store.FaxSet{Cancel: []office.ID{first.ID}, Destroy: []office.ID{first.ID}})
	must(t, err)
	f.now = f.now.Add(100 * 24 * time.Hour)
	must(t, f.KeepHouse(ctx))
	f.restart(t)
	again := office.Fax{ClientRef: "ref", Direction: office.FaxSent, Number: "+1", BlobID: f.pages(t, ana)}
	if got, existing, err := f.AddFax(ctx, ana, again); err != nil || !existing || got.ID != first.ID || got.State != "" {
		t.Errorf("it was sent again: %+v, %t, %v", got, existing, err)
	}
	if id, err := f.FaxOf(ctx, ana, "ref"); id != first.ID || err != nil {
		t.Errorf("%s, %v, want %s", id, err, first.ID)
	}
	// Of many at once, on two servers, one is the first.
	pages := f.pages(t, ana)
	made := make(chan bool, 8)
	var all []func(*store.Store) error
	for range 8 {
		all = append(all, func(s *store.Store) error {
			_, existing, err := s.AddFax(ctx, ana, office.Fax{ClientRef: "at once", Direction: office.FaxSent, BlobID: pages})
			made <- !existing
			return err
		})
	}
	f.together(t, f.other(t), all...)
	n := 0
	for range all {
		if <-made {
			n++
		}
	}
	if n != 1 {
		t.Errorf("made %d times", n)
	}
}

// Who has somebody's password must not fill the disk.
func faxesOfADay(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	for i := range 3 { // of more than a third of what is allowed
		b, err := f.AddUpload(ctx, ana, office.PDFType, strings.NewReader("%PDF-1.4"), office.MaxFaxBytes)
		must(t, err)
		must(t, f.Exec(ctx, fmt.Sprintf("UPDATE blob SET size = %d WHERE id = '%s'", 400<<20, b.ID)))
		_, _, err = f.AddFax(ctx, ana, office.Fax{ClientRef: fmt.Sprint(i), Direction: office.FaxSent, BlobID: b.ID})
		if want := i == 2; errors.Is(err, office.ErrTooMany) != want || err != nil && !want {
			t.Errorf("fax %d: %v", i, err)
		}
	}
	must(t, f.Exec(ctx, "DELETE FROM blob WHERE id NOT IN (SELECT blob FROM fax)")) // uploads have a limit of their own
	done, err := f.SetFaxes(ctx, ana, store.FaxSet{Create: []office.Fax{
		{ClientRef: "one more", Direction: office.FaxSent, BlobID: f.pages(t, ana)},
	}})
	if err != nil || len(done.Created) != 1 || done.Created[0].Err != nil {
		t.Errorf("there is room for a small one: %+v, %v", done, err)
	}
	f.receive(t, ana)
	f.fax(t, beto, "another's")
	f.now = f.now.Add(24 * time.Hour)
	f.fax(t, ana, "tomorrow")
}

// Nobody is told any more what became of it.
func faxesOfARemovedExtension(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	queued, received := f.fax(t, ana, "ref"), f.receive(t, ana)
	must(t, f.RemoveExtension(ctx, "101", time.Hour))
	all, err := f.Faxes(ctx, ana, queued.ID)
	if err != nil || len(all) != 1 || all[0].State != office.FaxCanceled || all[0].FinishedAt == nil {
		t.Errorf("%+v, %v", all, err)
	}
	f.now = f.now.Add(25 * time.Hour)
	must(t, f.KeepHouse(ctx))
	if all, err := f.Faxes(ctx, ana, queued.ID, received.ID); len(all) != 0 || err != nil {
		t.Errorf("kept: %+v, %v", all, err)
	}
	for _, blob := range []office.ID{queued.BlobID, received.BlobID} {
		if _, err := os.Stat(filepath.Join(f.cfg.Dir, "blobs", string(blob[:2]), string(blob))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("pages stay: %v", err)
		}
	}
}

func faxFilters(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	var ids []office.ID // newest first
	begin := f.now
	for i := range 6 {
		f.now = begin.Add(time.Duration(i) * time.Minute)
		add := func() office.Fax { return f.fax(t, ana, fmt.Sprint("ref ", i)) }
		if i%2 == 1 {
			add = func() office.Fax { return f.receive(t, ana) }
		}
		ids = append([]office.ID{add().ID}, ids...)
	}
	_, err := f.SetFaxes(ctx, ana, store.FaxSet{IsNew: map[office.ID]bool{ids[0]: false}, Cancel: []office.ID{ids[1]}})
	must(t, err)
	yes, no := true, false
	for _, c := range []struct {
		what   string
		filter store.FaxFilter
		page   store.Page
		want   []office.ID
	}{
		{"all", store.FaxFilter{}, store.Page{}, ids},
		{"new", store.FaxFilter{IsNew: &yes}, store.Page{}, []office.ID{ids[2], ids[4]}},
		{"not new", store.FaxFilter{IsNew: &no, State: office.FaxArrived}, store.Page{}, []office.ID{ids[0]}},
		{"queued", store.FaxFilter{State: office.FaxQueued}, store.Page{}, []office.ID{ids[3], ids[5]}},
		{"between", store.FaxFilter{After: begin.Add(time.Minute), Before: begin.Add(3 * time.Minute)}, store.Page{}, []office.ID{ids[3], ids[4]}},
		{"words", store.FaxFilter{Text: "nunez 0199"}, store.Page{}, []office.ID{ids[1], ids[3], ids[5]}},
		{"a page", store.FaxFilter{}, store.Page{Anchor: ids[1], Limit: 2}, ids[2:4]},
		{"from a position", store.FaxFilter{}, store.Page{Position: 4}, ids[4:]},
	} {
		got, err := f.QueryFaxes(ctx, ana, c.filter, c.page)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.what, got, err, c.want)
		}
		if n, err := f.CountFaxes(ctx, ana, c.filter); c.page == (store.Page{}) && (n != len(c.want) || err != nil) {
			t.Errorf("%s: %d, %v", c.what, n, err)
		}
		if n, err := f.PlaceOfFax(ctx, ana, c.filter, c.want[1%len(c.want)]); c.page == (store.Page{}) && (n != 1%len(c.want) || err != nil) {
			t.Errorf("%s: in place %d, %v", c.what, n, err)
		}
	}
	if _, err := f.QueryFaxes(ctx, ana, store.FaxFilter{}, store.Page{Anchor: "nobody"}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("behind nothing: %v", err)
	}
	if _, err := f.PlaceOfFax(ctx, ana, store.FaxFilter{State: office.FaxQueued}, ids[0]); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("place of what is not chosen: %v", err)
	}
}

func faxSet(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	queued, canceled, sending, received := f.fax(t, ana, "1"), f.fax(t, ana, "2"), f.fax(t, ana, "3"), f.receive(t, ana)
	must(t, f.Exec(ctx, "UPDATE fax SET state = 'sending' WHERE id = '"+string(sending.ID)+"'"))
	theirs := f.receive(t, beto)
	before, err := f.State(ctx, ana, store.TypeFax)
	must(t, err)
	if _, err := f.SetFaxes(ctx, ana, store.FaxSet{IfInState: before + "0", Destroy: []office.ID{received.ID}}); !errors.Is(err, store.ErrStateMismatch) {
		t.Errorf("in another state: %v", err)
	}
	if _, err := f.SetFaxes(ctx, "nobody", store.FaxSet{}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	pages := f.pages(t, ana)
	for i, c := range []struct {
		set                                  store.FaxSet
		updated, destroyed, missing, refused []office.ID
		created, existing, wrong, moves      int
	}{
		{set: store.FaxSet{IfInState: before}},
		{set: store.FaxSet{Cancel: []office.ID{canceled.ID, canceled.ID}}, updated: []office.ID{canceled.ID}, moves: 1},
		{set: store.FaxSet{Cancel: []office.ID{canceled.ID}}, updated: []office.ID{canceled.ID}},
		{set: store.FaxSet{Cancel: []office.ID{sending.ID, received.ID}}, refused: []office.ID{sending.ID, received.ID}},
		{set: store.FaxSet{IsNew: map[office.ID]bool{received.ID: false}}, updated: []office.ID{received.ID}, moves: 1},
		{set: store.FaxSet{IsNew: map[office.ID]bool{received.ID: false, queued.ID: false}}, updated: []office.ID{queued.ID, received.ID}},
		{set: store.FaxSet{IsNew: map[office.ID]bool{queued.ID: true}}, refused: []office.ID{queued.ID}},
		{set: store.FaxSet{Destroy: []office.ID{queued.ID, sending.ID}}, refused: []office.ID{queued.ID, sending.ID}},
		{
			set:     store.FaxSet{IsNew: map[office.ID]bool{theirs.ID: false}, Cancel: []office.ID{"x", "\x00"}, Destroy: []office.ID{theirs.ID}},
			missing: []office.ID{theirs.ID, "x", "\x00", theirs.ID},
		},
		{set: store.FaxSet{Destroy: []office.ID{canceled.ID, received.ID}}, destroyed: []office.ID{canceled.ID, received.ID}, moves: 2},
		{set: store.FaxSet{Destroy: []office.ID{canceled.ID}}, missing: []office.ID{canceled.ID}},
		{set: store.FaxSet{Create: []office.Fax{
			{ClientRef: "4", Direction: office.FaxSent, Number: "+1", BlobID: pages},
			{ClientRef: "4", Direction: office.FaxSent, Number: "+1", BlobID: pages},
			{ClientRef: "5", Direction: office.FaxSent, Number: "+1", BlobID: "gone"},
		}}, created: 1, existing: 1, wrong: 1, moves: 1},
	} {
		last, err := f.State(ctx, ana, store.TypeFax)
		must(t, err)
		got, err := f.SetFaxes(ctx, ana, c.set)
		must(t, err)
		for what, ids := range map[string][2][]office.ID{
			"updated": {got.Updated, c.updated}, "destroyed": {got.Destroyed, c.destroyed},
			"not found": {got.NotFound, c.missing}, "refused": {got.Refused, c.refused},
		} {
			slices.Sort(ids[0])
			slices.Sort(ids[1])
			if words(ids[0]) != words(ids[1]) {
				t.Errorf("%d: %s %q, want %q", i, what, ids[0], ids[1])
			}
		}
		var created, existing, wrong int
		for _, n := range got.Created {
			switch {
			case n.Err != nil:
				wrong++
			case n.Existing:
				existing++
			default:
				created++
			}
		}
		if created != c.created || existing != c.existing || wrong != c.wrong {
			t.Errorf("%d: %+v", i, got.Created)
		}
		now, err := f.State(ctx, ana, store.TypeFax)
		must(t, err)
		if got.OldState != last || got.NewState != now || (last == now) != (c.moves == 0) {
			t.Errorf("%d: from %s to %s, was %s and is %s", i, got.OldState, got.NewState, last, now)
		}
	}
	c, err := f.Changes(ctx, ana, store.TypeFax, before, 0)
	if err != nil || len(c.Created) != 1 || len(c.Destroyed) != 2 || len(c.Updated) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// Pages go with the last fax that has them, and belong to nothing else.
func pagesOfFaxes(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	first := f.fax(t, ana, "1")
	again, _, err := f.AddFax(ctx, ana, office.Fax{ClientRef: "2", Direction: office.FaxSent, Number: first.Number, ResendOf: first.ID})
	if err != nil || again.BlobID != first.BlobID || again.Size != first.Size || again.Type != first.Type {
		t.Fatalf("%+v, %v", again, err)
	}
	file, _, err := f.OpenBlob(ctx, ana, first.BlobID)
	must(t, err)
	path := file.Name()
	must(t, file.Close())
	for i, id := range []office.ID{first.ID, again.ID} {
		_, err := f.SetFaxes(ctx, ana, store.FaxSet{Cancel: []office.ID{id}, Destroy: []office.ID{id}})
		must(t, err)
		if _, err := os.Stat(path); (err == nil) != (i == 0) {
			t.Errorf("after deletion %d: %v", i+1, err)
		}
	}
	message := f.leave(t, ana, "m1")
	must(t, f.SetGreeting(ctx, ana, office.GreetingOwn, sound[:10], "audio/mpeg", nil))
	greetings, err := f.Greetings(ctx, ana)
	must(t, err)
	theirs := f.fax(t, beto, "3")
	for what, fax := range map[string]office.Fax{
		"no pages":           {},
		"pages of nobody":    {BlobID: "nobody"},
		"a name for nothing": {BlobID: "\x00"},
		"another's pages":    {BlobID: theirs.BlobID},
		"a message":          {BlobID: message.BlobID},
		"a greeting":         {BlobID: greetings[office.GreetingOwn].BlobID},
		"a deleted fax":      {ResendOf: first.ID},
		"another's fax":      {ResendOf: theirs.ID},
		"no fax":             {ResendOf: "\x00"},
	} {
		fax.Direction = office.FaxSent
		if _, _, err := f.AddFax(ctx, ana, fax); !errors.Is(err, office.ErrFax) {
			t.Errorf("%s: %v", what, err)
		}
	}
	mine := f.fax(t, ana, "4")
	v, err := f.VoicemailSettings(ctx, ana)
	must(t, err)
	v.Greeting = office.Greeting{Kind: office.GreetingOwn, BlobID: mine.BlobID}
	if _, err := f.SetVoicemailSettings(ctx, ana, v, ""); !errors.Is(err, office.ErrGreeting) {
		t.Errorf("pages for a greeting: %v", err)
	}
	must(t, f.RemoveExtension(ctx, "101", 0))
	if rows, err := f.RowsOf(ctx, ana); len(rows) != 0 || err != nil {
		t.Errorf("left are %v, %v", rows, err)
	}
}
