package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/internal/store"
	"timbre/softphone"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// within returns a context that ends with the test, or after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// prepared returns an office that does not run yet, closed with the test.
func prepared(t *testing.T, ctx context.Context, opt officetest.Options) *officetest.Office {
	t.Helper()
	if testing.Verbose() {
		opt.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	o, err := officetest.Prepare(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("closing the office: %v", err)
		}
	})
	return o
}

// running returns an office whose server runs in this process.
func running(t *testing.T, ctx context.Context, opt officetest.Options) *officetest.Office {
	t.Helper()
	o := prepared(t, ctx, opt)
	serve(t, ctx, o)
	return o
}

func serve(t *testing.T, ctx context.Context, o *officetest.Office) {
	t.Helper()
	if err := o.Serve(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
}

// data gives do the data of an office that does not run.
func data(t *testing.T, ctx context.Context, o *officetest.Office, do func(s *store.Store) error) {
	t.Helper()
	s, err := store.Open(ctx, store.Config{Dir: o.Data})
	if err != nil {
		t.Fatal(err)
	}
	if err := do(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// carrier adds a carrier that is up to an office that runs.
func carrier(t *testing.T, ctx context.Context, o *officetest.Office, name string, priority int, opt officetest.CarrierOptions) *officetest.Carrier {
	t.Helper()
	c, stop, err := officetest.NewCarrier(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("carrier %s: %v", name, err)
		}
	})
	if err := o.AddTrunk(ctx, c.Trunk(name, priority), opt.Password); err != nil {
		t.Fatal(err)
	}
	if err := o.TrunkUp(ctx, name, true); err != nil {
		t.Fatal(err)
	}
	return c
}

// line gives the office an outside number that rings extensions.
func line(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, extensions ...office.Number) {
	t.Helper()
	if err := o.AddLine(ctx, office.Line{Number: n, Extensions: extensions}); err != nil {
		t.Fatal(err)
	}
}

// telephone returns a registered softphone of extension n.
func telephone(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, opt officetest.PhoneOptions) *officetest.Phone {
	t.Helper()
	p, err := o.Phone(context.WithoutCancel(ctx), n, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// dial has p call n.
func dial(t *testing.T, p *officetest.Phone, n office.Number) *softphone.Call {
	t.Helper()
	c, err := p.Call(n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reach fails the test unless c reaches state.
func reach(t *testing.T, ctx context.Context, p *officetest.Phone, c *softphone.Call, state softphone.CallState) {
	t.Helper()
	if err := p.Reach(ctx, c, state); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end of c and returns how it ended.
func ended(t *testing.T, ctx context.Context, c *softphone.Call) softphone.Status {
	t.Helper()
	select {
	case <-c.Done():
	case <-ctx.Done():
		t.Fatalf("the call goes on: %+v", c.Status())
	}
	return c.Status()
}

// hears waits until p hears the tone hz.
func hears(t *testing.T, ctx context.Context, p *officetest.Phone, hz float64) {
	t.Helper()
	if err := p.Ear.Hears(ctx, hz); err != nil {
		t.Fatal(err)
	}
}

// misses waits until p does not hear the tone hz.
func misses(t *testing.T, ctx context.Context, p *officetest.Phone, hz float64) {
	t.Helper()
	if err := p.Ear.Misses(ctx, hz); err != nil {
		t.Fatal(err)
	}
}

// A caller calls a number, and returns the call when it is answered.
type caller func(number office.Number) *officetest.Wire

// wired returns what a telephone of extension n without a sound device calls with.
func wired(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number) caller {
	t.Helper()
	p, from := lightPhone(t, ctx, o, n, officetest.Answers(0, 0))
	return func(number office.Number) *officetest.Wire {
		t.Helper()
		w, err := p.Call(ctx, o.Ready.SIP, string(number), from)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
}

// leaveMessage has who calls leave a message of some seconds, of 440 Hz, for
// extension n, and returns what who calls has heard.
func leaveMessage(t *testing.T, ctx context.Context, o *officetest.Office, calls caller, n office.Number) media.Sound {
	t.Helper()
	w := calls(n)
	go w.Say(ctx, 440) // ends with the call
	speaks(t, ctx, o, w)
	return w.Heard()
}

// speaks waits until w is recorded, lets it speak, and hangs up.
func speaks(t *testing.T, ctx context.Context, o *officetest.Office, w *officetest.Wire) {
	t.Helper()
	if err := o.Recording(ctx); err != nil {
		t.Fatal(err)
	}
	talk(t, ctx)
	if err := w.Leg().Hangup(ctx); err != nil {
		t.Error(err)
	}
}

// next returns the next call that reaches c.
func next(t *testing.T, ctx context.Context, c *officetest.Carrier) *officetest.Wire {
	t.Helper()
	select {
	case w := <-c.Calls:
		return w
	case <-ctx.Done():
		t.Fatal("no call reaches the carrier")
		return nil
	}
}

// rings returns the call that rings at p.
func rings(t *testing.T, ctx context.Context, p *officetest.Phone) *softphone.Call {
	t.Helper()
	select {
	case c := <-p.Incoming:
		return c
	case <-ctx.Done():
		t.Fatal("the phone does not ring")
		return nil
	}
}

// hung waits until the carrier's call is over.
func hung(t *testing.T, ctx context.Context, w *officetest.Wire) {
	t.Helper()
	over := w.Over()
	if l := w.Leg(); w.In == nil {
		over = l.Done()
	}
	select {
	case <-over:
	case <-ctx.Done():
		t.Fatal("the carrier's call goes on")
	}
}

// trunkTo returns a trunk to a port of this machine.
func trunkTo(name string, port, priority int) office.Trunk {
	return office.Trunk{Name: name, URI: fmt.Sprintf("sip:127.0.0.1:%d", port), Transport: "udp", Priority: priority, Format: office.E164}
}

// messages syncs until there are n messages and nothing waits to be sent, and
// returns them, newest first.
func messages(t *testing.T, ctx context.Context, e *engine.Engine, n int) []local.Voicemail {
	t.Helper()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		err := e.SyncOnce(ctx)
		list, err2 := e.Voicemails(ctx, local.Filter{})
		if err == nil && err2 == nil && len(list) == n && e.Status().Pending == 0 {
			tick.Stop()
			return list
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d messages, want %d: %v, %v", len(list), n, err, err2)
		}
	}
}
