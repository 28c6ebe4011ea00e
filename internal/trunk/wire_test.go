package trunk_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/internal/store"
	"timbre/internal/trunk"
	"timbre/internal/ua"
)

// limit bounds every wait of a test.
const limit = 20 * time.Second

// certified returns a certificate for name, and who trusts it.
func certified(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

// A place is an office with nothing but its trunks.
type place struct {
	*trunk.Group
	store *store.Store
}

// newPlace runs one; every name leads to this machine.
func newPlace(t *testing.T, roots *x509.CertPool) place {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var g *trunk.Group
	e, err := ua.New(ua.Config{UDP: udp, Host: "office.test", PeerTLS: func(addr netip.AddrPort) *tls.Config { return g.TLS(addr) }})
	if err != nil {
		t.Fatal(err)
	}
	g = trunk.New(trunk.Config{Store: s, Endpoint: e, Roots: roots, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}})
	serving, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	lines, leave := context.WithCancel(context.WithoutCancel(t.Context()))
	served, left := make(chan error, 1), make(chan error, 1)
	go func() { served <- e.Run(serving) }()
	go func() { left <- g.Run(lines) }()
	t.Cleanup(func() {
		leave()
		err := <-left
		stop()
		if err := errors.Join(err, <-served, s.Close()); err != nil {
			t.Error(err)
		}
	})
	return place{g, s}
}

// add adds a trunk to c, under a name of its host.
func (p place) add(t *testing.T, c *officetest.Carrier, host, password string) office.Trunk {
	t.Helper()
	tr := c.Trunk(host, 1)
	_, port, _ := strings.Cut(strings.TrimPrefix(tr.URI, "sip:"), ":")
	tr.URI = "sip:" + host + ":" + port
	tr, err := p.store.AddTrunk(t.Context(), tr, password)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// until waits until the first trunk's state is so.
func (p place) until(t *testing.T, what string, so func(trunk.State) bool) {
	t.Helper()
	over := time.After(limit)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if s := p.States(); len(s) > 0 && so(s[0]) {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%s: %+v", what, p.States())
		}
	}
}

func newCarrier(t *testing.T, opt officetest.CarrierOptions) *officetest.Carrier {
	t.Helper()
	c, stop, err := officetest.NewCarrier(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestTrunksOverEveryTransport(t *testing.T) {
	t.Parallel()
	shown, roots := certified(t, "carrier.example")
	for _, opt := range []officetest.CarrierOptions{
		{Transport: "udp"},
		{Transport: "tcp"},
		{Transport: "tls", TLS: shown},
		{Transport: "udp", Username: "user", Password: "secret", Realm: "BroadWorks"},
		{Transport: "tls", TLS: shown, Username: "user", Password: "secret", Realm: "carrier.example"},
	} {
		name := opt.Transport + " " + opt.Username
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := newPlace(t, roots), newCarrier(t, opt)
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			p.add(t, c, "carrier.example", opt.Password)
			p.until(t, "it is up", trunk.State.Up)
			leg, used, err := p.Dial(ctx, trunk.Call{Number: "+525512345678", Identity: office.Party{Number: "+525555550100"}})
			if err != nil || used.Name != "carrier.example" {
				t.Fatalf("%+v: %v", used, err)
			}
			w := <-c.Calls
			if w.In.From().Number != "+525555550100" || w.In.To() != "+525512345678" {
				t.Errorf("%s to %s", string(w.In.From().Number), w.In.To())
			}
			// Who is shown the call must not learn what makes a caller the carrier.
			user, _, _ := strings.Cut(strings.TrimPrefix(w.In.Header("Contact"), "<sip:"), "@")
			if _, ok := p.Identify(netip.MustParseAddrPort("192.0.2.9:5060"), "tcp", user); ok || user == "" {
				t.Errorf("a stranger who calls %q passes for the carrier", user)
			}
			if err := leg.Hangup(ctx); err != nil {
				t.Error(err)
			}
			<-w.Over()
		})
	}
}

func TestCertificateOfAnotherIsRefused(t *testing.T) {
	t.Parallel()
	shown, roots := certified(t, "other.example")
	c := newCarrier(t, officetest.CarrierOptions{Transport: "tls", TLS: shown})
	for name, roots := range map[string]*x509.CertPool{"another name": roots, "nobody trusts it": x509.NewCertPool()} {
		p := newPlace(t, roots)
		p.add(t, c, "carrier.example", "")
		p.until(t, name, func(s trunk.State) bool { return s.LastError != "" && !s.Up() })
		if _, _, err := p.Dial(t.Context(), trunk.Call{Number: "+525512345678"}); !errors.Is(err, office.ErrNoTrunk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(c.Calls) != 0 {
		t.Error("a call went to a stranger")
	}
}

func TestRegistrationFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	c := newCarrier(t, officetest.CarrierOptions{Username: "user", Password: "secret", Realm: "asterisk"})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	p.add(t, c, "carrier.example", "wrong")
	p.until(t, "a wrong password", func(s trunk.State) bool { return strings.Contains(s.LastError, "401") && !s.Registered && s.Reachable })
	if _, _, err := p.Dial(ctx, trunk.Call{Number: "+525512345678"}); !errors.Is(err, office.ErrNoTrunk) {
		t.Errorf("a call with a wrong password: %v", err)
	}
	if err := p.store.RemoveTrunk(ctx, "carrier.example"); err != nil {
		t.Fatal(err)
	}
	p.add(t, c, "carrier.example", "secret")
	p.until(t, "the right password", trunk.State.Up)
	if name, ok := p.Identify(netip.MustParseAddrPort(strings.TrimPrefix(c.URI, "sip:")), "udp", "+525555550100"); !ok || name != "carrier.example" {
		t.Errorf("its calls are from %q", name)
	}
	if err := p.store.RemoveTrunk(ctx, "carrier.example"); err != nil {
		t.Fatal(err)
	}
	if err := c.Registered(ctx, false); err != nil {
		t.Error(err)
	}
}

// TestDeadCarrierIsLeftSoon calls for help over a carrier that has just gone.
func TestDeadCarrierIsLeftSoon(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			c, stop, err := officetest.NewCarrier(officetest.CarrierOptions{Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			p.add(t, c, "carrier.example", "")
			p.until(t, "it is up", trunk.State.Up)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, _, err = p.Dial(t.Context(), trunk.Call{Number: "911", Emergency: true})
			if took := time.Since(began); took > 5*time.Second || !errors.Is(err, office.ErrNoTrunk) {
				t.Errorf("%v after %v", err, took)
			}
		})
	}
}

// TestFailoverLeavesNoGhost has the first carrier answer in the moment at which it
// is given up.
func TestFailoverLeavesNoGhost(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	first, second := newCarrier(t, officetest.CarrierOptions{}), newCarrier(t, officetest.CarrierOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	first.Behave("", func(ctx context.Context, w *officetest.Wire) {
		<-w.In.Canceled() // the 200 meets the CANCEL
		w.Answer(ctx)
		if l := w.Leg(); l != nil {
			<-l.Done()
		}
	})
	p.add(t, first, "a.example", "")
	p.add(t, second, "b.example", "")
	p.until(t, "both are up", func(trunk.State) bool {
		s := p.States()
		return len(s) == 2 && s[0].Up() && s[1].Up()
	})
	began := time.Now()
	leg, used, err := p.Dial(ctx, trunk.Call{Number: "+525512345678"})
	if err != nil || used.Name != "b.example" {
		t.Fatalf("%s: %v", used.Name, err)
	}
	if took := time.Since(began); took < 6*time.Second {
		t.Errorf("the first, which said 100, was left after %v", took)
	}
	<-(<-first.Calls).Over()
	if err := leg.Hangup(ctx); err != nil {
		t.Error(err)
	}
	<-(<-second.Calls).Over()
}
