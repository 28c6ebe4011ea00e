package local

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/office"
)

// A moment is a context that lets something happen when it is looked at for the nth
// time: between any two steps of what works with it. It waits for that, but not for
// what waits for the lock that the steps hold.
type moment struct {
	context.Context
	left atomic.Int64
	do   func()
	done chan struct{}
}

func newMoment(n int, do func()) *moment {
	c := &moment{Context: context.Background(), do: do, done: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *moment) Err() error {
	if c.left.Add(-1) == 0 {
		go func() { defer close(c.done); c.do() }()
		select {
		case <-c.done:
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func (c *moment) Done() <-chan struct{} { _ = c.Err(); return nil }

// The server's answer to a fax may come in the middle of what the user does to it.
func TestFaxIsAcceptedMeanwhile(t *testing.T) {
	ctx := context.Background()
	for n := 1; ; n++ {
		m := open(t, t.TempDir())
		ref := send(t, m)
		edit := take(t, m, noon)[0]
		if err := m.Uploaded(ctx, edit, "b9"); err != nil {
			t.Fatal(err)
		}
		edit = take(t, m, noon)[0]
		var accepted error
		meanwhile := newMoment(n, func() { accepted = m.AcceptFax(ctx, edit, "f9") })
		if err := m.CancelFax(meanwhile, ref); err != nil {
			t.Fatal(err)
		}
		if meanwhile.left.Load() > 0 {
			break // it was over before
		}
		<-meanwhile.done
		if accepted != nil {
			t.Fatal(accepted)
		}
		if edits := take(t, m, noon); len(edits) != 1 || edits[0].Action != Cancel || edits[0].Object != "f9" {
			t.Errorf("accepted at step %d: %+v", n, edits)
		}
		if got := faxes(t, m, Filter{}); got != "f9:canceled? " {
			t.Errorf("accepted at step %d: %q", n, got)
		}
	}
}

// A user who has only the reference can do to a fax all that he can do to it by its
// ID.
func TestFaxIsMeantByItsReference(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, FaxType, fax(office.Fax{ID: "f1", ClientRef: "r1", State: office.FaxDelivered, Direction: office.FaxSent, Number: "102", CreatedAt: noon}))
	if err := m.MarkFax(ctx, "r1", true); err != nil {
		t.Error(err)
	}
	if err := m.DeleteFax(ctx, "r1", noon.Add(Hold)); err != nil {
		t.Error(err)
	}
	if got := faxes(t, m, Filter{}); got != "" {
		t.Errorf("deleted: %q", got)
	}
	if err := m.MarkFax(ctx, "r1", true); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("marking what is deleted: %v", err)
	}
	if err := m.UndoDelete(ctx, "r1"); err != nil {
		t.Error(err)
	}
	if edits := take(t, m, noon); len(edits) != 1 || edits[0].Object != "f1" || edits[0].Action != Mark {
		t.Errorf("%+v", edits)
	}
}

// A fax that the server refused has failed for the user: sent again, it is tried
// again, the same one.
func TestRefusedFaxIsSentAgain(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	ref := send(t, m)
	if err := m.Refuse(ctx, take(t, m, noon)[0], "overQuota", noon); err != nil {
		t.Fatal(err)
	}
	again, err := m.ResendFax(ctx, ref, noon)
	if err != nil || again != ref {
		t.Fatalf("%q, %v", again, err)
	}
	if got := faxes(t, m, Filter{}); got != "ref:queued? " {
		t.Errorf("got %q", got)
	}
	if refused, err := m.Refused(ctx); err != nil || len(refused) != 0 {
		t.Errorf("still refused: %+v, %v", refused, err)
	}
	edit := take(t, m, noon)[0]
	if edit.Object != ref || !edit.Upload {
		t.Errorf("%+v", edit)
	}
	if _, err := m.ResendFax(ctx, ref, noon); !errors.Is(err, office.ErrRefused) {
		t.Errorf("what waits: %v", err)
	}
	if err := m.Uploaded(ctx, edit, "b9"); err != nil {
		t.Fatal(err)
	}
	if err := m.AcceptFax(ctx, take(t, m, noon)[0], "f9"); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "f9:queued " {
		t.Errorf("made: %q", got)
	}
}

// Another try is refused, and tried again as what it was; one that is canceled
// while nobody knows whether it was made is none that can be sent again.
func TestAnotherTryIsTriedAgain(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, FaxType, fax(office.Fax{ID: "f1", ClientRef: "r1", State: office.FaxFailed, Direction: office.FaxSent, Number: "102", BlobID: "b1", CreatedAt: noon}))
	ref, err := m.ResendFax(ctx, "r1", noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Refuse(ctx, take(t, m, noon)[0], "overQuota", noon); err != nil {
		t.Fatal(err)
	}
	if again, err := m.ResendFax(ctx, ref, noon); err != nil || again != ref {
		t.Fatalf("%q, %v", again, err)
	}
	edits := take(t, m, noon)
	if want := `{"number":"102","resendOf":"f1","blobId":"b1","clientRef":"` + string(ref) + `"}`; len(edits) != 1 || !same(edits[0].Patch, json.RawMessage(want)) {
		t.Errorf("%+v", edits)
	}
	if err := m.CancelFax(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ResendFax(ctx, ref, noon); !errors.Is(err, office.ErrRefused) {
		t.Errorf("canceled and not answered: %v", err)
	}
}

// The answer to a fax was lost, and another device deleted it: being told that it was
// made already does not bring it back.
func TestFaxThatWasDeletedMeanwhileStaysAway(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	ref := send(t, m)
	if err := m.Uploaded(ctx, take(t, m, noon)[0], "b9"); err != nil {
		t.Fatal(err)
	}
	edit := take(t, m, noon)[0]
	if err := m.CancelFax(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if err := m.FindFax(ctx, edit, "f9"); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "" || len(outboxFiles(t, m)) != 0 {
		t.Errorf("got %q, %v", got, outboxFiles(t, m))
	}
	if edits := take(t, m, noon); len(edits) != 1 || edits[0].Action != Cancel || edits[0].Object != "f9" {
		t.Errorf("%+v", edits)
	}
}
