package officetest_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"

	"go.uber.org/goleak"
)

// bin holds the binaries of this run; set once before any test.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "5") // sound takes time, not processors
	dir, err := os.MkdirTemp("", "timbre-bin-")
	if err == nil {
		bin = dir
		err = officetest.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// limit returns a context that ends with the test, or after d.
func limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// started returns a running office that is closed with the test.
func started(t *testing.T, ctx context.Context, start func(context.Context, officetest.Options) (*officetest.Office, error), opt officetest.Options) *officetest.Office {
	t.Helper()
	opt.Bin = bin
	if testing.Verbose() {
		opt.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	o, err := start(context.WithoutCancel(ctx), opt)
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

// phone returns a registered softphone of extension n.
func phone(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, opt officetest.PhoneOptions) *officetest.Phone {
	t.Helper()
	p, err := o.Phone(context.WithoutCancel(ctx), n, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// baresip returns a registered baresip of extension n that says hz.
func baresip(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, hz float64, answer bool) *officetest.Baresip {
	t.Helper()
	a, err := o.AddDevice(ctx, n, "baresip")
	if err != nil {
		t.Fatal(err)
	}
	b, err := o.Baresip(context.WithoutCancel(ctx), officetest.BaresipOptions{Account: a, Server: o.Ready.SIP, Hz: hz, Answer: answer})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reach fails the test unless c reaches state.
func reach(t *testing.T, ctx context.Context, p *officetest.Phone, c *softphone.Call, state softphone.CallState) {
	t.Helper()
	if err := p.Reach(ctx, c, state); err != nil {
		t.Fatal(err)
	}
}

// await fails the test unless b says event.
func await(t *testing.T, ctx context.Context, b *officetest.Baresip, event string) {
	t.Helper()
	if err := b.Await(ctx, event); err != nil {
		t.Fatal(err)
	}
}

// talkTime is how long the calls of the tests last: long enough for a second of
// undisturbed tone.
const talkTime = 2500 * time.Millisecond

// talk lets a call go on for a while.
func talk(t *testing.T, ctx context.Context) {
	t.Helper()
	wait(t, ctx, talkTime)
}

// wait lets sound take its time.
func wait(t *testing.T, ctx context.Context, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}
