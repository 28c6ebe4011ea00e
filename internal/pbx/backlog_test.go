package pbx

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/office"
)

// A ledger is what debts of the tests are written into.
type ledger struct {
	mu    sync.Mutex
	open  bool     // guarded by mu, as are all below; takes anything
	tries int      //
	paid  []string //
}

// owes returns a debt that is paid once l is open, a hopeless one never.
func (l *ledger) owes(what string, hopeless bool) debt {
	return debt{slog.New(slog.DiscardHandler), what, func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tries++
		if hopeless {
			panic("hopeless")
		}
		if !l.open {
			return errors.New("full")
		}
		l.paid = append(l.paid, what)
		return nil
	}}
}

// opens lets l take anything and returns how often it was tried before.
func (l *ledger) opens() (tries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
	return l.tries
}

// has checks what was paid, in any order.
func (l *ledger) has(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got := slices.Sorted(slices.Values(l.paid)); !slices.Equal(got, want) {
		t.Errorf("paid %q, not %q", got, want)
	}
}

func TestDebtsArePaidWhenTheyCanBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		b, l := newBacklog(), &ledger{}
		for _, what := range []string{"a", "b", "never", "c"} {
			b.add(l.owes(what, what == "never"))
		}
		var running sync.WaitGroup
		running.Go(func() { b.run(ctx) })
		time.Sleep(time.Hour)
		if n := l.opens(); n < 100 || n > 130 { // one each lastRetry, those at the beginning more often
			t.Errorf("%d tries in an hour", n)
		}
		time.Sleep(2 * lastRetry)
		l.has(t, "a", "b", "c")
		b.add(l.owes("d", false))
		time.Sleep(2 * lastRetry)
		b.add(l.owes("e", false)) // by the stop
		stop()
		running.Wait()
		l.has(t, "a", "b", "c", "d", "e")
	})
}

func TestStopDoesNotWaitLongForADebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		b := newBacklog()
		for range 100 {
			b.add(debt{slog.New(slog.DiscardHandler), "record", func(ctx context.Context) error {
				<-ctx.Done() // the database does not answer
				return ctx.Err()
			}})
		}
		stop()
		start := time.Now()
		b.run(ctx)
		if took := time.Since(start); took > farewellTime {
			t.Errorf("the stop took %v", took)
		}
	})
}

func TestBacklogIsBounded(t *testing.T) {
	b, l := newBacklog(), &ledger{}
	for range maxOwed + 10 {
		b.add(l.owes("record", false))
	}
	if n := b.left(); n != maxOwed {
		t.Errorf("%d are owed", n)
	}
}

// refusesRecords makes the store fail whenever a call is to end, until it is
// undone.
func (x *exchange) refusesRecords(t *testing.T) (undo func()) {
	return x.refuses(t, "NEW.outcome <> ''")
}

// refuses makes the store fail whenever a line of the call log is such, until it is
// undone.
func (x *exchange) refuses(t *testing.T, such string) (undo func()) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(x.dir, "timbre.db")+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER full BEFORE INSERT ON call WHEN " + such + " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
	return func() {
		t.Helper()
		exec("DROP TRIGGER full")
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRecordIsWrittenLate(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(x *exchange, undo func()) // after the call
	}{
		{"while the server runs", func(_ *exchange, undo func()) { undo() }},
		{"by the stop of the server", func(x *exchange, undo func()) { undo(); x.stop() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			ana, luis := x.phone(t, "101", "udp"), x.phone(t, "102", "udp")
			talks := luis.answers(880)
			k := ana.call("102", 440)
			k.hears(t, 880)
			undo := x.refusesRecords(t)
			k.hangUp(t)
			receive(t, talks, "the call").wait()
			x.owes(t, 1)
			if n := x.LiveCalls(); n != 0 {
				t.Errorf("%d calls in progress", n)
			}
			c.then(x, undo)
			out, in := x.log(t, "101", 1)[0], x.log(t, "102", 1)[0]
			if out.Outcome != office.Answered || in.Outcome != office.Answered || in.AnsweredBy == "" || out.AnsweredAt == nil {
				t.Errorf("in the logs: %+v and %+v", out, in)
			}
		})
	}
}

// TestCallGoesOnWithoutARecord: what cannot be written when it begins is written at
// its end, whatever it reaches.
func TestCallGoesOnWithoutARecord(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	answered, called := x.phone(t, "102", "udp").answers(880), line.answers(700)
	x.forwards(t, "103", "102", false, false, office.ForwardAlways)
	undo := x.refuses(t, "NEW.outcome = ''")
	defer undo()
	ana := x.unregistered(t, "101", "udp")
	for number, talks := range map[string]<-chan *talk{"102": answered, string(mobile): called, "103": answered, "vm-102": nil} {
		k := ana.call(number, 440)
		if talks != nil {
			receive(t, talks, "the call to "+number)
		}
		k.hangUp(t)
		x.until(t, "the call to "+number+" is over", func() bool { return x.LiveCalls() == 0 })
	}
	for _, l := range x.log(t, "101", 4) {
		if l.Outcome != office.Answered && l.Outcome != office.ToVoicemail {
			t.Errorf("log %+v", l)
		}
	}
}

// TestLiveRowSaysThatItWasAnswered looks at what a server that dies in a call leaves.
func TestLiveRowSaysThatItWasAnswered(t *testing.T) {
	t.Parallel()
	x := open(t)
	answered := x.phone(t, "102", "udp").answers(880)
	k := x.unregistered(t, "101", "udp").call("102", 440)
	receive(t, answered, "the call")
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(x.dir, "timbre.db")+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	x.until(t, "both sides are answered", func() bool {
		var n int
		err := db.QueryRow("SELECT COUNT(*) FROM call WHERE outcome = '' AND answered_at IS NOT NULL").Scan(&n)
		return err == nil && n == 2
	})
	k.hangUp(t)
}

// owes waits until n things are not written and no call is in progress.
func (x *exchange) owes(t *testing.T, n int) {
	t.Helper()
	for end := time.After(patient); x.late.left() != n || x.LiveCalls() > 0; {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-end:
			t.Fatalf("%d not written, %d calls in progress", x.late.left(), x.LiveCalls())
		}
	}
}

func TestMessageAppearsWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	x := open(t)
	k := x.unregistered(t, "101", "udp").call("102", 440)
	x.speaks(t, k, 3*time.Second)
	blobs := filepath.Join(x.dir, "blobs")
	if err := errors.Join(os.Rename(blobs, blobs+"~"), os.WriteFile(blobs, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	k.hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.ToVoicemail { // the log does not wait for the message
		t.Errorf("callee's log %+v", in)
	}
	x.owes(t, 1)
	if err := errors.Join(os.Remove(blobs), os.Rename(blobs+"~", blobs)); err != nil {
		t.Fatal(err)
	}
	if vs, _ := x.messages(t, "102", 1); vs[0].IsTruncated {
		t.Errorf("message %+v", vs[0])
	}
}

func TestRemovedExtensionDoesNotHideTheCallOfTheOther(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis := x.phone(t, "101", "udp"), x.phone(t, "102", "udp")
	talks := luis.answers(880)
	k := ana.call("102", 440)
	if err := x.store.RemoveExtension(t.Context(), "102", 0); err != nil {
		t.Fatal(err)
	}
	k.hangUp(t)
	receive(t, talks, "the call").wait()
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.Answered {
		t.Errorf("caller's log %+v", out)
	}
	x.owes(t, 0)
}
