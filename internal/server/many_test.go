package server_test

import (
	"context"
	"flag"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/internal/ua"
)

var manyCalls = flag.Int("calls", 240, "how many calls TestNothingIsLeftOfManyCalls makes")

// A usage is what this process holds, server and telephones alike.
type usage struct{ goroutines, files, calls int }

func using(t *testing.T, ctx context.Context, o *officetest.Office) usage {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return usage{runtime.NumGoroutine(), len(fds), s.LiveCalls}
}

// lightPhone registers a phone without a sound device for extension n, which
// behaves as s; it returns how it calls.
func lightPhone(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, s officetest.Subscriber) (*officetest.Carrier, ua.Target) {
	t.Helper()
	p, stop, err := officetest.NewCarrier(officetest.CarrierOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Behave("", s)
	a, err := o.AddDevice(ctx, n, "light")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(o.Ready.SIP)
	auth := ua.Credentials{Username: a.Username, Password: a.Password, Realm: office.SIPRealm}
	registered := make(chan struct{})
	once := sync.OnceFunc(func() { close(registered) })
	var looping sync.WaitGroup
	looped, leave := context.WithCancel(context.WithoutCancel(ctx))
	looping.Go(func() {
		p.RegisterLoop(looped, ua.RegisterConfig{
			Domain: a.Domain, Transport: "udp", Addr: at, Auth: auth, OnState: func(r ua.RegisterState) {
				if r.Phase == ua.Registered {
					once()
				}
			},
		})
	})
	t.Cleanup(func() {
		leave()
		looping.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-registered:
	case <-ctx.Done():
		t.Fatalf("%s is not registered", n)
	}
	return p, ua.Target{Transport: "udp", Addr: at, From: office.Party{Number: office.Number(a.Username)}, Auth: &auth}
}

// TestNothingIsLeftOfManyCalls makes calls of all sorts through a whole server and
// looks whether goroutines, sockets (RTP ports among them) and calls return to what
// they were.
func TestNothingIsLeftOfManyCalls(t *testing.T) {
	ctx := within(t, time.Minute+time.Duration(*manyCalls)*500*time.Millisecond)
	o := running(t, ctx, officetest.Options{})
	none, limit := 0, 50
	for _, n := range []office.Number{"101", "102", "103"} {
		if err := o.SetExtension(ctx, n, api.ExtensionChange{MaxCalls: &none, Minutes: &none, CallLimit: &limit}); err != nil {
			t.Fatal(err)
		}
	}
	down := carrier(t, ctx, o, "down", 1, officetest.CarrierOptions{})
	down.Behave("", officetest.Refuses(0, 503))
	outside := carrier(t, ctx, o, "up", 2, officetest.CarrierOptions{})
	outside.Behave("+525500000002", officetest.Refuses(20*time.Millisecond, 486))
	outside.Behave("+525500000003", officetest.Rings())
	outside.Behave("+525500000004", officetest.Early(100*time.Millisecond, 440, officetest.Refuses(0, 404)))
	line(t, ctx, o, ownNumber, "102")
	line(t, ctx, o, "+525555550124", "102", "103")
	ana, from := lightPhone(t, ctx, o, "101", officetest.Answers(0, 0))
	lightPhone(t, ctx, o, "102", officetest.Answers(30*time.Millisecond, 700))
	lightPhone(t, ctx, o, "103", officetest.Refuses(10*time.Millisecond, 486))

	inside := func(number string) func(context.Context) (*ua.Leg, error) {
		return func(ctx context.Context) (*ua.Leg, error) {
			to := from
			to.URI = "sip:" + number + "@localhost"
			return ana.Dial(ctx, to)
		}
	}
	inbound := func(number string) func(context.Context) (*ua.Leg, error) {
		return func(ctx context.Context) (*ua.Leg, error) {
			w, err := outside.Call(ctx, o.Ready.SIP, number, officetest.From(somebody, "Fulano"))
			if err != nil {
				return nil, err
			}
			return w.Leg(), nil
		}
	}
	kinds := []struct {
		name     string
		call     func(context.Context) (*ua.Leg, error)
		limit    time.Duration // then the caller gives up
		answered bool
	}{
		{"inside", inside("102"), 0, true},
		{"outside, by the second carrier", inside("5500000001"), 0, true},
		{"outside, busy", inside("5500000002"), 0, false},
		{"outside, given up", inside("5500000003"), 150 * time.Millisecond, false},
		{"outside, early sound, refused", inside("5500000004"), 2 * time.Second, false},
		{"voicemail", inside("103"), 0, true},
		{"echo", inside("*43"), 0, true},
		{"inside, given up", inside("102"), 15 * time.Millisecond, false},
		{"from outside", inbound("5555550123"), 0, true},
		{"from outside, to two", inbound("5555550124"), 0, true},
		{"from outside, to nobody", inbound("5555550199"), 0, false},
		{"from outside, given up", inbound("5555550123"), 10 * time.Millisecond, false},
	}
	answered := make([]atomic.Int64, len(kinds))
	one := func(n int) {
		kind := kinds[n%len(kinds)]
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if kind.limit > 0 {
			var giveUp context.CancelFunc
			ctx, giveUp = context.WithTimeout(ctx, kind.limit)
			defer giveUp()
		}
		leg, err := kind.call(ctx)
		if err != nil {
			return
		}
		answered[n%len(kinds)].Add(1)
		select {
		case <-leg.Done():
		case <-time.After(100 * time.Millisecond):
		}
		bye, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		leg.Hangup(bye)
	}
	settled := func(want usage) usage {
		ctx, cancel := context.WithTimeout(ctx, time.Minute) // transactions are remembered for 32 s
		defer cancel()
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			u := using(t, t.Context(), o)
			if u.calls == 0 && u.goroutines <= want.goroutines && u.files <= want.files {
				tick.Stop()
				return u
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				buf := make([]byte, 1<<20)
				t.Fatalf("%+v, at the start %+v\n%s", u, want, buf[:runtime.Stack(buf, true)])
			}
		}
	}
	calls := func(n int) {
		turns := make(chan int)
		var callers sync.WaitGroup
		for range 6 {
			callers.Go(func() {
				for i := range turns {
					one(i)
				}
			})
		}
		for i := range n {
			turns <- i
		}
		close(turns)
		callers.Wait()
	}
	// What is made at the first calls stays: connections to the database and the
	// like. A leak of any kind of call would be more than is let pass.
	const slack = 8
	first := using(t, ctx, o)
	calls(2 * len(kinds))
	start := settled(usage{first.goroutines + 2*slack, first.files + 2*slack, 0})
	for i := range answered {
		answered[i].Store(0)
	}
	began := time.Now()
	calls(*manyCalls)
	took := time.Since(began)
	end := settled(usage{start.goroutines + slack, start.files + slack, 0})
	each := int64(*manyCalls / len(kinds))
	for i, k := range kinds {
		if got := answered[i].Load(); k.answered && got < each || !k.answered && got > 0 {
			t.Errorf("%s: %d of at least %d were answered", k.name, got, each)
		}
	}
	t.Logf("%d calls in %v: %+v, before %+v", *manyCalls, took.Round(time.Millisecond), end, start)
}
