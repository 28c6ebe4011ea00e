package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"timbre/internal/office"
	"timbre/sync/local"
)

// unheard runs fn while the requests that hold text are done and nobody hears of it.
func (s *schedule) unheard(text string, fn func()) {
	s.h.mu.Lock()
	decide := s.h.decide
	s.h.mu.Unlock()
	s.h.faulty(func(r *http.Request) fault {
		if body, err := io.ReadAll(copyOf(r).Body); err == nil && bytes.Contains(body, []byte(text)) {
			return unanswered
		}
		return none
	})
	fn()
	s.h.faulty(decide)
}

// clear lets a device send all that waits and hear of everything.
func (s *schedule) clear(i int, d *device) {
	s.ahead.Add(int64(local.Hold))
	s.inPeace(func() {
		err := d.SyncOnce(context.Background())
		if err != nil {
			s.login(i, d, err)
			must(s.t, d.SyncOnce(context.Background()))
		}
		s.did(i, "syncs in peace", "", err)
	})
}

// undoTooLate lets the user of a device delete a message and want it back when the
// server has heard of that, but the device has not.
func (s *schedule) undoTooLate(i int, d *device) {
	ctx := context.Background()
	s.clear(i, d)
	rows, err := d.Voicemails(ctx, local.Filter{})
	must(s.t, err)
	if len(rows) == 0 {
		return
	}
	id := rows[s.random.IntN(len(rows))].ID
	must(s.t, d.DeleteVoicemail(ctx, id))
	s.did(i, "deletes", id, nil)
	s.oracle.deleted(i, id)
	s.ahead.Add(int64(local.Hold))
	s.unheard("Voicemail/set", func() {
		err := d.SyncOnce(ctx)
		s.did(i, "syncs, unheard", "", err)
		if err == nil {
			s.t.Error("nothing was sent")
		}
	})
	if err := d.UndoDelete(ctx, id); !errors.Is(err, office.ErrNotFound) {
		s.t.Errorf("device %d brings %s back, which is gone: %v", i, id, err)
	}
}

// loseFax lets a device send a fax and not hear of it, and another one cancel and
// delete that before the first asks again: then it is nowhere.
func (s *schedule) loseFax(i int, d *device) {
	ctx := context.Background()
	s.clear(i, d)
	path, content := s.document()
	ref, err := d.SendFax(ctx, "+525555550123", path)
	must(s.t, err)
	s.did(i, "sends a fax", ref, nil)
	s.oracle.sent(ref, "+525555550123", content)
	s.unheard("Fax/set", func() {
		err := d.SyncOnce(ctx)
		s.did(i, "syncs, unheard", "", err)
		if err == nil {
			s.t.Error("nothing was sent")
		}
	})
	j := (i + 1) % len(s.devices)
	other := s.devices[j]
	s.clear(j, other)
	f, err := other.Fax(ctx, ref)
	must(s.t, err)
	must(s.t, other.CancelFax(ctx, ref))
	s.did(j, "cancels", f.ID, nil)
	s.oracle.canceled(f.ClientRef, false)
	must(s.t, other.DeleteFax(ctx, ref))
	s.did(j, "deletes fax "+f.ClientRef, f.ID, nil)
	s.oracle.deletedFax(j, f.Fax)
	s.clear(j, other)
	s.clear(i, d)
	if f, err := d.Fax(ctx, ref); !errors.Is(err, office.ErrNotFound) {
		s.t.Errorf("device %d has again what was deleted: %+v, %v", i, f, err)
	}
	if slices.ContainsFunc(s.h.faxes(), func(f office.Fax) bool { return f.ClientRef == string(ref) }) {
		s.t.Errorf("fax %s is back on the server", ref)
	}
}

// beside lets the user of a device do something while it syncs. How the two mix is
// not for the seed to decide.
func (s *schedule) beside(i int, d *device) {
	synced := make(chan error, 1)
	s.syncing = true
	go func() { synced <- d.SyncOnce(context.Background()) }()
	for range 1 + s.random.IntN(3) {
		if s.random.IntN(3) == 0 {
			s.touch(i, d)
		} else {
			s.fax(i, d)
		}
	}
	err := <-synced
	s.syncing = false
	s.did(i, "has synced meanwhile", "", err)
	if errors.Is(err, office.ErrSession) {
		s.inPeace(func() { s.login(i, d, err) })
	}
}
