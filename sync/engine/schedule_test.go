package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// A schedule lets two devices and the server do things in an order that its
// seed decides, while requests and answers are lost. Whatever happened, in the
// end all three must show the same, nothing deleted may be back, every edit must
// be gone from the outboxes, and what nobody touched must be as it was.
type schedule struct {
	t       *testing.T
	h       *house
	random  *rand.Rand
	ahead   atomic.Int64 // the devices' clocks, beyond the real one
	devices []*engine.Engine
	deleted map[office.ID]bool
	steps   []string // for the report of a failure
}

var schedules = flag.Uint64("schedules", 50, "how many schedules TestSchedules runs")

func TestSchedules(t *testing.T) {
	h := open(t)
	s := &schedule{t: t, h: h}
	for range 2 {
		e := h.login(t.TempDir(), engine.Options{Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }})
		s.devices = append(s.devices, e)
	}
	for seed := range *schedules {
		s.random, s.deleted, s.steps = rand.New(rand.NewPCG(seed, 7)), map[office.ID]bool{}, nil
		s.play()
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(s.steps, "\n"))
		}
	}
}

// play runs one schedule from an empty mailbox to an empty mailbox.
func (s *schedule) play() {
	s.h.faulty(func(*http.Request) fault { // called one at a time
		switch s.random.IntN(5) {
		case 0:
			return lost
		case 1:
			return unanswered
		}
		return none
	})
	for range 25 {
		s.step()
	}
	s.h.faulty(nil)
	s.ahead.Add(int64(2 * local.Hold))
	s.settle()
	s.check()
	rows, err := s.devices[0].Voicemails(context.Background(), local.Filter{})
	must(s.t, err)
	for _, v := range rows {
		must(s.t, s.devices[0].DeleteVoicemailNow(context.Background(), v.ID))
	}
	s.settle()
}

// settle lets every device hear of what the others sent.
func (s *schedule) settle() {
	for range s.devices {
		for _, e := range s.devices {
			must(s.t, e.SyncOnce(context.Background()))
		}
	}
}

// step lets somebody do something.
func (s *schedule) step() {
	ctx := context.Background()
	who := s.random.IntN(len(s.devices))
	e := s.devices[who]
	did := func(what string, id office.ID, err error) {
		s.steps = append(s.steps, fmt.Sprintf("device %d %s %s: %v", who, what, id, err))
		if err != nil && !errors.Is(err, office.ErrNotFound) && !errors.Is(err, office.ErrOffline) {
			s.t.Error(err)
		}
	}
	rows, err := e.Voicemails(ctx, local.Filter{})
	must(s.t, err)
	var id office.ID
	if len(rows) > 0 {
		id = rows[s.random.IntN(len(rows))].ID
	}
	switch n := s.random.IntN(10); {
	case n < 2:
		v := s.h.leave(s.random.IntN(60), 10)
		s.steps = append(s.steps, fmt.Sprintf("server gets %s", v.ID))
	case n == 2:
		s.ahead.Add(int64(local.Hold / 2))
	case id == "" || n < 6:
		did("syncs", "", e.SyncOnce(ctx))
	case n < 8:
		did("marks", id, e.MarkVoicemail(ctx, id, s.random.IntN(2) == 0))
	case n == 8:
		err := e.DeleteVoicemail(ctx, id)
		did("deletes", id, err)
		if err == nil {
			s.deleted[id] = true
		}
	default:
		for id := range s.deleted { // any one
			err := e.UndoDelete(ctx, id)
			did("undoes", id, err)
			if err == nil && !s.isHidden(id) {
				delete(s.deleted, id)
			}
			break
		}
	}
}

// isHidden reports whether a device still wants id deleted, or did delete it.
func (s *schedule) isHidden(id office.ID) bool {
	if !strings.Contains(s.h.voicemails(), string(id)) {
		return true
	}
	for _, e := range s.devices {
		if e.UndoDelete(context.Background(), id) == nil { // look, and put it back
			must(s.t, e.DeleteVoicemail(context.Background(), id))
			return true
		}
	}
	return false
}

func (s *schedule) check() {
	server := s.h.voicemails()
	for i, e := range s.devices {
		if got := list(s.t, e); got != server {
			s.t.Errorf("device %d shows %q, the server %q", i, got, server)
		}
		if n := e.Status().Pending; n != 0 {
			s.t.Errorf("device %d has %d edits left", i, n)
		}
		if refused, err := e.Refused(context.Background()); err != nil || len(refused) != 0 {
			s.t.Errorf("device %d was refused %v, %v", i, refused, err)
		}
	}
	for id := range s.deleted {
		if strings.Contains(server, string(id)) {
			s.t.Errorf("%s was deleted and is back", id)
		}
	}
}
