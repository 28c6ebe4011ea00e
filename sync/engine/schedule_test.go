package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb/pgtest"
	"timbre/internal/store"
	"timbre/sync/engine"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// A schedule lets three devices and the server do things in an order that its
// seed decides: messages and faxes come, are sent, marked, canceled, deleted and
// brought back, settings are changed, also to different values at a time; requests
// and answers are lost, come twice, too late or half; devices and the server crash
// between any two steps, the server restarts, forgets what it deleted, or is
// restored from a backup; users do things while their device syncs. In the end all must show the same, and what an oracle
// says may be there.
type schedule struct {
	t         testing.TB
	h         *house
	dir       string
	random    *rand.Rand
	ahead     atomic.Int64 // the devices' clocks, beyond the real one
	devices   []*device
	documents int  // that were written
	syncing   bool // a device does, beside what its user does
	oracle    *oracle
	backup    []byte   // nil: none was taken in this schedule
	steps     []string // for the report of a failure
}

// A device is one computer of the user.
type device struct {
	dir string
	*engine.Engine
}

var (
	schedules = flag.Uint64("schedules", defaultSchedules, "how many schedules TestSchedules runs, a fifth of them on PostgreSQL")
	firstSeed = flag.Uint64("seed", 0, "the first of them")
)

const (
	workers   = 4  // that run schedules on SQLite, beside one on PostgreSQL
	perOffice = 25 // schedules in one office
)

func TestSchedules(t *testing.T) {
	limits := jmap.DefaultLimits // pages so small that a schedule has many
	t.Cleanup(func() { jmap.DefaultLimits = limits })
	jmap.DefaultLimits.MaxObjectsInGet, jmap.DefaultLimits.MaxObjectsInSet = 4, 3
	for w := range uint64(workers) {
		t.Run(fmt.Sprint("SQLite", w), func(t *testing.T) {
			t.Parallel()
			runSchedules(t, func(t *testing.T) string { return "" }, w)
		})
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		cluster := pgtest.Start(t)
		runSchedules(t, func(t *testing.T) string { return cluster.Database(t) }, workers)
	})
}

// runSchedules runs those of a worker, in one office after another, in the
// databases that dsn names.
func runSchedules(t *testing.T, dsn func(*testing.T) string, worker uint64) {
	end := *firstSeed + *schedules
	for seed := *firstSeed + worker; seed < end && !t.Failed(); {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSchedule(t, dsn(t))
			for n := 0; n < perOffice && seed < end && !t.Failed(); n++ {
				s.run(seed)
				seed += workers + 1
			}
		})
	}
}

// newSchedule opens an office with three devices.
func newSchedule(t testing.TB, dsn string) *schedule {
	s := &schedule{t: t, dir: t.TempDir(), h: openWith(t, store.Config{Dir: t.TempDir(), DSN: dsn})}
	for range 3 {
		d := &device{dir: t.TempDir()}
		s.devices = append(s.devices, d)
		s.open(d)
		must(t, d.Login(context.Background(), s.h.request()))
		must(t, d.SyncOnce(context.Background()))
	}
	t.Cleanup(func() {
		for _, d := range s.devices {
			must(t, d.Close())
		}
	})
	return s
}

// run runs the schedule of a seed.
func (s *schedule) run(seed uint64) {
	s.random, s.steps, s.backup = rand.New(rand.NewPCG(seed, 7)), nil, nil
	s.oracle = newOracle(s.h)
	defer func() { // also after a t.Fatal
		if s.t.Failed() {
			s.t.Logf("seed %d:\n%s", seed, strings.Join(s.steps, "\n"))
		}
	}()
	s.play(rand.New(rand.NewPCG(seed, 8)))
}

// open opens the profile of a device, as a new process would.
func (s *schedule) open(d *device) {
	s.t.Helper()
	e, err := engine.Open(d.dir, engine.Options{Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }})
	must(s.t, err)
	d.Engine = e
}

// crash ends the process of a device and begins another.
func (s *schedule) crash(d *device) {
	s.t.Helper()
	must(s.t, d.Close())
	s.open(d)
}

// play runs one schedule, at whose end the office is empty. The faults have a
// chance of their own: a device that crashed may have left a request under way.
func (s *schedule) play(faults *rand.Rand) {
	s.h.faulty(func(*http.Request) fault {
		if n := faults.IntN(16); n < int(torn) {
			return fault(n + 1)
		}
		return none
	})
	for range 30 {
		s.step()
	}
	s.h.faulty(nil)
	for s.h.arrive(s.random.IntN) {
	}
	s.ahead.Add(int64(2 * local.Hold))
	s.settle()
	s.check()
	var left []office.ID
	for id := range s.oracle.onServer() {
		left = append(left, id)
	}
	_, err := s.h.store.SetVoicemails(context.Background(), s.h.account(), store.VoicemailSet{Destroy: left})
	must(s.t, err)
	s.h.removeFaxes()
	for _, d := range s.devices {
		must(s.t, d.SyncOnce(context.Background()))
	}
}

// settle lets every device hear of what the others sent, and the user dismiss what
// was refused.
func (s *schedule) settle() {
	for range 2 {
		for i, d := range s.devices {
			if err := d.SyncOnce(context.Background()); err != nil {
				s.login(i, d, err)
				must(s.t, d.SyncOnce(context.Background()))
			}
		}
	}
	for i, d := range s.devices {
		refused, err := d.Refused(context.Background())
		must(s.t, err)
		for _, r := range refused {
			s.oracle.refused(s.t, i, r)
			s.oracle.decided(r, false)
			must(s.t, d.Dismiss(context.Background(), r.Seq))
		}
	}
}

// inPeace runs fn without faults.
func (s *schedule) inPeace(fn func()) {
	s.h.mu.Lock()
	decide := s.h.decide
	s.h.mu.Unlock()
	s.h.faulty(nil)
	fn()
	s.h.faulty(decide)
}

// login logs a device in again whose session has ended, as it does with a restore.
func (s *schedule) login(i int, d *device, err error) {
	if !errors.Is(err, office.ErrSession) {
		s.t.Fatalf("device %d: %v", i, err)
	}
	must(s.t, d.Login(context.Background(), s.h.request()))
}

// step lets somebody do something.
func (s *schedule) step() {
	switch n := s.random.IntN(100); {
	case n < 12:
		v := s.h.leave(s.random.IntN(60), 10)
		s.oracle.left(v.ID)
		s.note("server gets %s", v.ID)
	case n < 15:
		s.h.call(s.random.IntN(60))
		s.note("server logs a call")
	case n < 18:
		f := s.h.faxIn("%PDF-1.4 in")
		s.oracle.left(f.ID)
		s.note("server gets fax %s", f.ID)
	case n < 23:
		s.ahead.Add(int64(local.Hold / 2))
	case n < 28:
		s.note("a late request arrives: %v", s.h.arrive(s.random.IntN))
	case n < 31:
		s.disturb()
	default:
		i := s.random.IntN(len(s.devices))
		s.act(i, s.devices[i])
	}
}

// disturb does to the server what is rare.
func (s *schedule) disturb() {
	switch n := s.random.IntN(16); {
	case n < 3:
		s.note("server restarts")
		s.h.restart()
	case n < 7:
		i := s.random.IntN(len(s.devices))
		after := time.Duration(s.random.IntN(40_000)) * time.Microsecond
		s.note("server is to crash after %v", after)
		s.h.crash(after, func() { s.did(i, "syncs", "", s.devices[i].SyncOnce(context.Background())) })
	case n < 11 || s.backup == nil:
		s.note("server is backed up")
		s.backup = s.h.backup()
		s.oracle.keep()
	case n < 14:
		s.note("server is restored")
		s.h.restore(s.backup)
		s.oracle.restored()
	default:
		s.note("61 days pass")
		s.h.age()
	}
}

// sync lets a device sync.
func (s *schedule) sync(i int, d *device) {
	err := d.SyncOnce(context.Background())
	s.did(i, "syncs", "", err)
	if errors.Is(err, office.ErrSession) {
		s.inPeace(func() { s.login(i, d, err) })
	}
}

// act lets the user of a device do something.
func (s *schedule) act(i int, d *device) {
	ctx := context.Background()
	switch n := s.random.IntN(23); {
	case n < 5:
		s.sync(i, d)
	case n == 20:
		s.undoTooLate(i, d)
	case n == 21:
		s.loseFax(i, d)
	case n == 22:
		s.beside(i, d)
	case n < 8:
		doomed := newDoom(s.random.IntN(400))
		s.did(i, "syncs and crashes", "", d.SyncOnce(doomed))
		doomed.cancel()
		s.crash(d)
	case n < 11:
		s.change(i, d)
	case n < 12:
		refused, err := d.Refused(ctx)
		must(s.t, err)
		for _, r := range refused {
			s.oracle.refused(s.t, i, r)
			retries := s.random.IntN(2) == 0
			s.oracle.decided(r, retries)
			if retries {
				s.did(i, "retries "+string(r.Mine), r.Object, d.Retry(ctx, r.Seq))
			} else {
				s.did(i, "dismisses "+string(r.Mine), r.Object, d.Dismiss(ctx, r.Seq))
			}
		}
	case n < 16:
		s.fax(i, d)
	default:
		s.touch(i, d)
	}
}

// touch lets the user of a device do something to a message.
func (s *schedule) touch(i int, d *device) {
	ctx := context.Background()
	rows, err := d.Voicemails(ctx, local.Filter{})
	must(s.t, err)
	switch n := s.random.IntN(6); {
	case n == 0:
		gone := slices.Sorted(maps.Keys(s.oracle.deletedBy[i]))
		if len(gone) == 0 {
			return
		}
		id := gone[s.random.IntN(len(gone))]
		err := d.UndoDelete(ctx, id)
		s.did(i, "undoes", id, err)
		if err == nil {
			s.oracle.undeleted(i, id)
		}
	case len(rows) == 0:
	case n < 4:
		id, isNew := rows[s.random.IntN(len(rows))].ID, s.random.IntN(2) == 0
		err := d.MarkVoicemail(ctx, id, isNew)
		s.did(i, fmt.Sprint("marks ", isNew), id, err)
		s.oracle.marked(id, isNew)
	default:
		id := rows[s.random.IntN(len(rows))].ID
		err := d.DeleteVoicemail(ctx, id)
		s.did(i, "deletes", id, err)
		if err == nil {
			s.oracle.deleted(i, id)
		}
	}
}

// change lets the user of a device change a setting: one that only this device
// changes, or one that all do.
func (s *schedule) change(i int, d *device) {
	ctx := context.Background()
	var err error
	property, value := "", any(nil)
	switch own := s.random.IntN(2) == 0; {
	case own && i == 0:
		property, value = "ringSeconds", 10+s.random.IntN(20)
		err = d.SetVoicemailSettings(ctx, map[string]any{property: value})
	case own && i == 1:
		property, value = "attachAudio", s.random.IntN(2) == 0
		err = d.SetVoicemailSettings(ctx, map[string]any{property: value})
	case own:
		property, value = "isEnabled", s.random.IntN(2) == 0
		err = d.SetVoicemailSettings(ctx, map[string]any{property: value})
	default:
		p, _, err := d.Profile(ctx)
		must(s.t, err)
		s.documents++
		email := fmt.Sprintf("ana%d@example.com", s.documents)
		refused, err := d.Refused(ctx)
		must(s.t, err)
		for _, r := range refused {
			if r.Type == local.ProfileType { // he wants something else now
				s.oracle.decided(r, false)
			}
		}
		err = d.SetProfile(ctx, map[string]any{"email": email})
		s.did(i, "changes the address "+p.Email+" to", office.ID(email), err)
		s.oracle.wished(p.Email, email)
		return
	}
	s.did(i, "changes "+property, office.ID(fmt.Sprint(value)), err)
	s.oracle.changed(property, value)
}

// did notes what a device did. Only the network may be in the way.
func (s *schedule) did(i int, what string, id office.ID, err error) {
	s.note("device %d %s %s: %v", i, what, id, err)
	for _, expected := range []error{nil, office.ErrNotFound, office.ErrRefused, office.ErrOffline, office.ErrUnavailable, office.ErrSession, context.Canceled} {
		if errors.Is(err, expected) {
			return
		}
	}
	s.t.Error(err)
}

func (s *schedule) note(format string, args ...any) {
	s.steps = append(s.steps, fmt.Sprintf(format, args...))
}

// check compares all replicas with the server, and that with the oracle.
func (s *schedule) check() {
	ctx := context.Background()
	server, calls, settings, faxes := s.h.voicemails(), s.h.callIDs(), s.oracle.settings(), faxesInShort(s.h.faxes())
	for i, d := range s.devices {
		if got := list(s.t, d.Engine); got != server {
			s.t.Errorf("device %d shows %q, the server %q", i, got, server)
		}
		rows, err := d.Calls(ctx, local.Filter{Limit: 10000})
		must(s.t, err)
		ids := map[office.ID]bool{}
		for _, c := range rows {
			ids[c.ID] = true
		}
		if !maps.Equal(ids, calls) {
			s.t.Errorf("device %d has %d calls, the server %d", i, len(ids), len(calls))
		}
		if got := faxesOf(s.t, d.Engine); got != faxes {
			s.t.Errorf("device %d shows the faxes %s, the server %s", i, got, faxes)
		}
		if got := settingsOf(s.t, d.Engine); got != settings {
			s.t.Errorf("device %d has %s, the server %s", i, got, settings)
		}
		if entries, err := d.Directory(ctx, ""); err != nil || len(entries) != 1 || entries[0].Number != "101" {
			s.t.Errorf("device %d has the directory %v, %v", i, entries, err)
		}
		if n := d.Status().Pending; n != 0 {
			s.t.Errorf("device %d has %d edits left", i, n)
		}
	}
	s.oracle.check(s.t)
}

// A doom is a context that ends when it was asked so often whether it has ended:
// what works with it stops between any two of its steps.
type doom struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelFunc
}

func newDoom(steps int) *doom {
	ctx, cancel := context.WithCancel(context.Background())
	d := &doom{Context: ctx, cancel: cancel}
	d.left.Store(int64(steps))
	return d
}

func (d *doom) count() {
	if d.left.Add(-1) < 0 {
		d.cancel()
	}
}

// Done counts.
func (d *doom) Done() <-chan struct{} { d.count(); return d.Context.Done() }

// Err counts.
func (d *doom) Err() error { d.count(); return d.Context.Err() }
