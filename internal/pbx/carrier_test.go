package pbx

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

const (
	companyNumber office.Number = "+525555550100"
	mobile        office.Number = "+525512345678" // outside
)

// A carrier is a line to the outside that does with calls what the test wants.
type carrier struct {
	phone
	at netip.AddrPort
}

// carrier adds a carrier to the office, and the company whose number it calls.
func (x *exchange) carrier(t *testing.T, name string, priority int) *carrier {
	t.Helper()
	if err := x.store.SetCompany(t.Context(), office.Company{Number: companyNumber, Name: "Ejemplo", Region: "MX", Email: "admin@example.com"}); err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &carrier{at: addr(udp.LocalAddr())}
	c.t, c.target = t, ua.Target{Transport: "udp", Addr: x.udp}
	c.Endpoint, err = ua.New(ua.Config{Log: slog.New(slog.DiscardHandler), Agent: "carrier", Host: "carrier.test", UDP: udp, OnInvite: c.incoming})
	if err != nil {
		t.Fatal(err)
	}
	c.vanish = serve(t, "carrier", c.Run)
	if _, err := x.store.AddTrunk(t.Context(), office.Trunk{Name: name, URI: "sip:" + c.at.String(), Transport: "udp", Priority: priority, Format: office.E164}, ""); err != nil {
		t.Fatal(err)
	}
	x.until(t, "the trunk is up", func() bool {
		for _, s := range x.trunks.States() {
			if s.Trunk.Name == name {
				return s.Up()
			}
		}
		return false
	})
	return c
}

// until waits until something is so.
func (x *exchange) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.After(patient); !so(); {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

// line gives the office an outside number.
func (x *exchange) line(t *testing.T, n office.Number, exts ...office.Number) {
	t.Helper()
	if err := x.store.SetLine(t.Context(), office.Line{Number: n, Extensions: exts}); err != nil {
		t.Fatal(err)
	}
}

// extension returns an extension of the office.
func (x *exchange) extension(t *testing.T, n office.Number) office.Extension {
	t.Helper()
	e, err := x.store.Extension(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// may sets the rights of an extension.
func (x *exchange) may(t *testing.T, n office.Number, r office.Rights) {
	t.Helper()
	if _, err := x.store.SetExtension(t.Context(), n, store.ExtensionPatch{Classes: &r.Classes, MaxCalls: &r.MaxCalls, Minutes: &r.Minutes}); err != nil {
		t.Fatal(err)
	}
}

// forwards has the calls of an extension forwarded.
func (x *exchange) forwards(t *testing.T, n, to office.Number, local, key bool, when ...office.ForwardWhen) {
	t.Helper()
	f := office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{}, Number: to, RingLocal: local, RequireKey: key}
	for _, w := range when {
		f.When[w] = true
	}
	if _, err := x.store.SetForwardingSettings(t.Context(), x.extension(t, n).Account, f, ""); err != nil {
		t.Fatal(err)
	}
}

// telephones returns those in the newest call of an extension.
func (x *exchange) telephones(t *testing.T, n office.Number, call office.ID) []office.CallLeg {
	t.Helper()
	legs, err := x.store.CallLegs(t.Context(), x.extension(t, n).Account, call)
	if err != nil {
		t.Fatal(err)
	}
	return legs[call]
}

// notices returns what the administrator was told of, by kind.
func (x *exchange) notices(t *testing.T) map[office.NoticeKind]int {
	t.Helper()
	told := map[office.NoticeKind]int{}
	for {
		m, ok, err := x.store.ClaimMail(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return told
		}
		told[m.Notice.Kind]++
	}
}

// presses makes the carrier's subscriber answer with a tone, and press a key.
func (c *carrier) presses(hz float64, key rune) <-chan *talk {
	talks := make(chan *talk, 4)
	c.does(func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{})
		if err != nil {
			return
		}
		k := newTalk(leg, hz)
		k.in = in
		talks <- k
		var pressing sync.WaitGroup
		if key != 0 {
			pressing.Go(func() { _ = leg.SendDigit(ctx, key) })
		}
		k.wait()
		pressing.Wait()
	})
	return talks
}
