package ua

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/office"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit is how long anything in these tests may take.
const limit = 20 * time.Second

// certificate makes a self-signed certificate for loopback.
func certificate(t testing.TB) (*tls.Config, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"office.test"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots, ServerName: "office.test"}
}

// listen binds all three transports on loopback into cfg.
func listen(t testing.TB, cfg *Config) {
	t.Helper()
	var err error
	if cfg.UDP, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if cfg.TCP, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if cfg.TLS, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
}

// start runs an endpoint until the test ends, and fails the test unless it ends
// in time and without an error.
func start(t testing.TB, cfg Config) *Endpoint {
	t.Helper()
	cfg.Host = "office.test"
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, e)
	return e
}

// run is start for an endpoint that was made already.
func run(t testing.TB, e *Endpoint) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(limit):
			t.Error("Run does not end")
		}
	})
	select {
	case <-e.ready:
	case <-time.After(limit):
		t.Fatal("endpoint does not start")
	}
}

// at returns where e listens on network.
func at(e *Endpoint, network string) netip.AddrPort {
	if network == "udp" {
		return remote(e.cfg.UDP.LocalAddr())
	}
	return remote(e.doors[network].addr)
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// answering returns an OnInvite that answers and passes the leg on.
func answering(t testing.TB, legs chan<- *Leg, opts AnswerOptions) func(context.Context, *Incoming) {
	return func(ctx context.Context, in *Incoming) {
		if err := in.Ring(Headers{"Timbre-Call": "c1"}); err != nil {
			t.Errorf("Ring: %v", err)
		}
		l, err := in.Answer(ctx, opts)
		if err != nil {
			t.Errorf("Answer: %v", err)
			legs <- nil
			return
		}
		ear(l)
		legs <- l
		<-l.Done()
	}
}

// ears holds what each leg has heard since it was first listened to.
var ears sync.Map // *Leg → chan Packet

// ear listens to l from now on.
func ear(l *Leg) <-chan Packet {
	heard := make(chan Packet, 1000)
	if c, there := ears.LoadOrStore(l, heard); there {
		return c.(chan Packet)
	}
	l.Listen(func(p *Packet) {
		c := *p
		c.Payload = bytes.Clone(p.Payload)
		select {
		case heard <- c:
		default:
		}
	})
	return heard
}

// hear waits for the packet of l that has the payload.
func hear(t *testing.T, l *Leg, payload []byte) Packet {
	t.Helper()
	over := time.After(limit)
	for {
		select {
		case p := <-ear(l):
			if bytes.Equal(p.Payload, payload) {
				return p
			}
		case <-over:
			t.Fatalf("payload %q was not heard", payload)
		}
	}
}

// spoken counts the packets of bothWays: none is a replay of another.
var spoken atomic.Uint32

// bothWays proves that sound flows in both directions.
func bothWays(t *testing.T, a, b *Leg) {
	t.Helper()
	for i, pair := range [][2]*Leg{{a, b}, {b, a}} {
		ear(pair[1])
		sequence := uint16(spoken.Add(1))
		payload := bytes.Repeat([]byte{byte('a' + i)}, 160)
		if err := pair[0].WritePacket(&Packet{Sequence: sequence, Timestamp: 160 * uint32(sequence), SSRC: 700, Payload: payload}); err != nil {
			t.Fatalf("WritePacket: %v", err)
		}
		hear(t, pair[1], payload)
	}
}

func TestCallOverEveryTransport(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	for _, c := range []struct {
		network string
		secure  bool
	}{{"udp", false}, {"tcp", false}, {"tls", true}, {"udp", true}} {
		t.Run(c.network, func(t *testing.T) {
			legs := make(chan *Leg, 1)
			server := Config{ServerTLS: serverTLS, OnInvite: answering(t, legs, AnswerOptions{Headers: Headers{"Timbre-Call": "c2"}})}
			listen(t, &server)
			s := start(t, server)
			phone := Config{ClientTLS: clientTLS}
			phone.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
			p := start(t, phone)

			rang := make(chan string, 1)
			leg, err := p.Dial(within(t), Target{
				URI: "sip:102@office.test", Transport: c.network, Addr: at(s, c.network), Secure: c.secure,
				From: office.Party{Number: "101", Name: `Ana "la jefa" López`},
				OnRinging: func(status int, header func(string) string) {
					select {
					case rang <- header("Timbre-Call"):
					default:
					}
				},
			})
			if err != nil {
				t.Fatalf("Dial: %v", err)
			}
			far := <-legs
			if leg.Secure() != c.secure || far.Secure() != c.secure {
				t.Errorf("Secure: %v and %v, want %v", leg.Secure(), far.Secure(), c.secure)
			}
			if leg.Codec().Name != "PCMA" || far.Codec().Name != "PCMA" {
				t.Errorf("codecs %v and %v", leg.Codec(), far.Codec())
			}
			bothWays(t, leg, far)

			if err := leg.Hangup(within(t)); err != nil {
				t.Errorf("Hangup: %v", err)
			}
			select {
			case <-far.Done():
			case <-time.After(limit):
				t.Fatal("the far side does not end")
			}
			if got := far.Cause(); got != (Cause{200, true}) {
				t.Errorf("far cause %+v", got)
			}
			if got := leg.Cause(); got != (Cause{200, false}) {
				t.Errorf("near cause %+v", got)
			}
			if err := far.WritePacket(&Packet{Payload: []byte{1}}); !errors.Is(err, ErrClosed) {
				t.Errorf("WritePacket after the end: %v", err)
			}
		})
	}
}
