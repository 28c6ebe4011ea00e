package engine_test

import (
	"context"
	"io"
	"testing"

	"timbre/internal/office"
	"timbre/sync/local"
)

// A sending is what may have become of a fax that somebody sent: one client
// reference, and in the end one fax on the server.
type sending struct {
	number   office.Number
	content  string // of the document
	gone     bool   // it never left its device
	canceled bool   // somebody wanted it to be
	deleters int    // devices that want it deleted
	may      bool   // it may be gone, and what was done to it undone: there was a restore
}

// sent notes that a user has a fax sent.
func (o *oracle) sent(ref office.ID, number office.Number, content string) {
	o.faxes[string(ref)] = &sending{number: number, content: content}
}

// canceled notes that a fax is not to be sent; forgotten: the server never heard
// of it.
func (o *oracle) canceled(ref string, forgotten bool) {
	o.faxes[ref].canceled = true
	if forgotten {
		o.forgotten(ref)
	}
}

// forgotten notes that a fax never left its device.
func (o *oracle) forgotten(ref string) { o.faxes[ref].gone = true }

// deletedFax notes that the user of a device wants a fax deleted.
func (o *oracle) deletedFax(device int, f office.Fax) {
	if o.faxesDeletedBy[device] == nil {
		o.faxesDeletedBy[device] = map[office.ID]string{}
	}
	o.faxesDeletedBy[device][f.ID] = f.ClientRef
	o.wantDeleted(f.ID, f.ClientRef, 1)
}

func (o *oracle) undeletedFax(device int, id office.ID) {
	o.wantDeleted(id, o.faxesDeletedBy[device][id], -1)
	delete(o.faxesDeletedBy[device], id)
}

// wantDeleted counts the devices that want a fax deleted.
func (o *oracle) wantDeleted(id office.ID, ref string, more int) {
	if f := o.faxes[ref]; f != nil {
		f.deleters += more
	} else if f := o.messages[id]; f != nil {
		f.deleters += more
	}
}

// refusedFax reports whether there is a reason for a fax not to be what its user
// wanted: what it was to be another try of is gone, or the server was restored.
func (o *oracle) refusedFax(r local.Refused) bool {
	return o.was || r.Action == local.CreateFax && r.Reason == "invalidProperties" && o.anyDeleted()
}

// anyDeleted reports whether somebody deleted a fax.
func (o *oracle) anyDeleted() bool {
	for _, f := range o.faxes {
		if f.deleters > 0 {
			return true
		}
	}
	return false
}

// dismissed notes that a user gives up a refused change.
func (o *oracle) dismissed(r local.Refused) {
	if r.Action == local.CreateFax {
		o.forgotten(string(r.Object))
	}
}

// checkFaxes compares the faxes on the server with what was sent: there is one
// for each client reference.
func (o *oracle) checkFaxes(t testing.TB) {
	t.Helper()
	there := map[string]int{}
	for _, f := range o.h.faxes() {
		if f.Direction == office.FaxReceived {
			o.checkMessage(t, f.ID, f.IsNew)
			continue
		}
		there[f.ClientRef]++
		s := o.faxes[f.ClientRef]
		switch {
		case s == nil:
			t.Errorf("fax %s is there, and nobody sent it", f.ClientRef)
			continue
		case there[f.ClientRef] > 1:
			t.Errorf("fax %s is there %d times", f.ClientRef, there[f.ClientRef])
		case s.gone && !o.was:
			t.Errorf("fax %s is there, and its user knows nothing of it", f.ClientRef)
		case s.deleters > 0:
			t.Errorf("fax %s was deleted and is back", f.ClientRef)
		case s.canceled != (f.State == office.FaxCanceled) && !(s.canceled && s.may):
			t.Errorf("fax %s is %s; canceled: %v", f.ClientRef, f.State, s.canceled)
		}
		if got := o.h.content(f.BlobID); f.Number != s.number || got != s.content {
			t.Errorf("fax %s goes to %s with %q, not to %s with %q", f.ClientRef, f.Number, got, s.number, s.content)
		}
	}
	for ref, s := range o.faxes {
		if there[ref] == 0 && !s.gone && s.deleters == 0 && !s.may {
			t.Errorf("fax %s is not there", ref)
		}
	}
}

// restoredFaxes notes that the faxes of the backup are the truth now.
func (o *oracle) restoredFaxes() {
	for _, f := range o.faxes {
		f.may, f.deleters = true, 0
	}
}

// content returns what a blob on the server holds.
func (h *house) content(blob office.ID) string {
	h.t.Helper()
	file, _, err := h.store.OpenBlob(context.Background(), h.account(), blob)
	must(h.t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	must(h.t, err)
	return string(content)
}
