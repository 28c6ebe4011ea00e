package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// document writes a document that is like no other and returns where it is.
func (s *schedule) document() (path, content string) {
	s.documents++
	content = fmt.Sprintf("%%PDF-1.4 document %d", s.documents)
	path = filepath.Join(s.dir, "document.pdf")
	must(s.t, os.WriteFile(path, []byte(content), 0o600))
	return path, content
}

// fax lets the user of a device do something to a fax.
func (s *schedule) fax(i int, d *device) {
	ctx := context.Background()
	all, err := d.Faxes(ctx, local.Filter{})
	must(s.t, err)
	// any returns one of those that are so.
	any := func(is func(local.Fax) bool) (local.Fax, bool) {
		some := slices.DeleteFunc(slices.Clone(all), func(f local.Fax) bool { return !is(f) })
		if len(some) == 0 {
			return local.Fax{}, false
		}
		return some[s.random.IntN(len(some))], true
	}
	isOwn := func(f local.Fax) bool { return f.Direction == office.FaxSent }
	switch n := s.random.IntN(10); {
	case n < 4:
		s.send(i, d)
	case n == 4:
		if f, ok := any(func(f local.Fax) bool { return isOwn(f) && f.State.IsFinished() }); ok {
			ref, err := d.ResendFax(ctx, f.ID)
			s.did(i, "sends again "+string(f.ID)+" as", ref, err)
			if err == nil {
				s.oracle.sent(ref, f.Number, s.oracle.faxes[f.ClientRef].content)
			}
		}
	case n < 7:
		if f, ok := any(func(f local.Fax) bool { return isOwn(f) && f.State.IsCancelable() }); ok {
			err := d.CancelFax(ctx, f.ID)
			s.did(i, "cancels "+f.ClientRef, f.ID, err)
			if err == nil {
				s.oracle.canceled(f.ClientRef, s.isForgotten(d, f))
			}
		}
	case n == 7:
		if f, ok := any(func(f local.Fax) bool { return f.State.IsFinished() }); ok {
			err := d.DeleteFax(ctx, f.ID)
			s.did(i, "deletes fax "+f.ClientRef, f.ID, err)
			switch {
			case err != nil:
			case f.State == office.FaxCanceled && string(f.ID) == f.ClientRef: // the server has it by now
				s.oracle.deletedFax(i, s.h.fax(f.ClientRef))
			case f.BlobID == "":
				s.oracle.forgotten(f.ClientRef)
			default:
				s.oracle.deletedFax(i, f.Fax)
			}
		}
	case n == 8:
		if gone := slices.Sorted(maps.Keys(s.oracle.faxesDeletedBy[i])); len(gone) > 0 {
			id := gone[s.random.IntN(len(gone))]
			err := d.UndoDelete(ctx, id)
			s.did(i, "undoes", id, err)
			if err == nil {
				s.oracle.undeletedFax(i, id)
			}
		}
	default:
		if f, ok := any(func(f local.Fax) bool { return !isOwn(f) }); ok {
			isNew := s.random.IntN(2) == 0
			s.did(i, fmt.Sprint("marks fax ", isNew), f.ID, d.MarkFax(ctx, f.ID, isNew))
			s.oracle.marked(f.ID, isNew)
		}
	}
}

// send lets the user of a device send a fax, in the middle of which the device
// may crash.
func (s *schedule) send(i int, d *device) {
	path, content := s.document()
	number := office.Number(fmt.Sprint("+52555555", 1000+s.documents%9000))
	doomed := s.random.IntN(4) == 0 && !s.syncing
	ctx := newDoom(1 << 20)
	if doomed {
		ctx = newDoom(s.random.IntN(12))
	}
	defer ctx.cancel()
	ref, err := d.SendFax(ctx, number, path)
	s.did(i, "sends a fax", ref, err)
	if err == nil {
		s.oracle.sent(ref, number, content)
	}
	if doomed {
		s.crash(d)
	}
}

// isForgotten reports whether a device knows nothing of a fax any more.
func (s *schedule) isForgotten(d *device, f local.Fax) bool {
	_, err := d.Fax(context.Background(), f.ID)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		s.t.Error(err)
	}
	return err != nil
}

// faxIn lets a fax come in.
func (h *house) faxIn(content string) office.Fax {
	h.t.Helper()
	ctx := context.Background()
	b, err := h.store.AddUpload(ctx, h.account(), office.PDFType, strings.NewReader(content), office.MaxFaxBytes)
	must(h.t, err)
	f, _, err := h.store.AddFax(ctx, h.account(), office.Fax{Direction: office.FaxReceived, Number: "+525555550199", BlobID: b.ID, Pages: 1})
	must(h.t, err)
	return f
}

// faxes returns the faxes on the server.
func (h *house) faxes() []office.Fax {
	h.t.Helper()
	ctx := context.Background()
	ids, err := h.store.QueryFaxes(ctx, h.account(), store.FaxFilter{}, store.Page{})
	must(h.t, err)
	all, err := h.store.Faxes(ctx, h.account(), ids...)
	must(h.t, err)
	return all
}

// fax returns the fax on the server that has a client reference, or one that has no
// more than that.
func (h *house) fax(ref string) office.Fax {
	h.t.Helper()
	all := h.faxes()
	if i := slices.IndexFunc(all, func(f office.Fax) bool { return f.ClientRef == ref }); i >= 0 {
		return all[i]
	}
	return office.Fax{ClientRef: ref}
}

// removeFaxes takes all faxes off the server.
func (h *house) removeFaxes() {
	h.t.Helper()
	var set store.FaxSet
	for _, f := range h.faxes() {
		if !f.State.IsFinished() {
			set.Cancel = append(set.Cancel, f.ID)
		}
		set.Destroy = append(set.Destroy, f.ID)
	}
	_, err := h.store.SetFaxes(context.Background(), h.account(), set)
	must(h.t, err)
}

// faxesInShort tells of faxes what users see.
func faxesInShort(all []office.Fax) string {
	var lines []string
	for _, f := range all {
		lines = append(lines, fmt.Sprint(f.ID, f.ClientRef, f.ResendOf, f.Number, f.State, f.IsNew, f.BlobID))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// faxesOf returns the faxes that a user of e sees, in short.
func faxesOf(t testing.TB, e *engine.Engine) string {
	t.Helper()
	rows, err := e.Faxes(context.Background(), local.Filter{})
	must(t, err)
	all := make([]office.Fax, len(rows))
	for i, f := range rows {
		all[i] = f.Fax
	}
	return faxesInShort(all)
}
