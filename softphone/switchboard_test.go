package softphone_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/ua"
	"timbre/softphone"
	"timbre/softphone/audio"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A switchboard is an office of one line, over a real endpoint on the loopback
// interface.
type switchboard struct {
	*ua.Endpoint
	account    softphone.Account
	registered chan *ua.Registration // every REGISTER that was accepted
}

// newSwitchboard serves until the test ends; invite gets every call to it.
func newSwitchboard(t *testing.T, invite func(context.Context, *ua.Incoming)) *switchboard {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config, print := certificate(t)
	s := &switchboard{registered: make(chan *ua.Registration, 16)}
	s.account = softphone.Account{
		SIPAccount:  office.SIPAccount{Username: "device", Password: "secret", Domain: "office.test", URIs: []string{"sips:" + l.Addr().String()}},
		Extension:   "101",
		Name:        "Ana López",
		Fingerprint: print,
	}
	s.Endpoint, err = ua.New(ua.Config{
		Host: "office.test", TLS: l, ServerTLS: config, OnInvite: invite,
		Digest: ua.Digest{Realm: "timbre", HA1: func(_ context.Context, user string, sha bool) (string, error) {
			if user != "device" {
				return "", office.ErrNotFound
			}
			return ha1(user+":timbre:secret", sha), nil
		}},
		OnRegister: func(_ context.Context, r *ua.Registration) {
			if err := r.Accept(r.Contacts); err == nil {
				s.registered <- r
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s.Run)
	return s
}

// ha1 is the hash of RFC 7616 §3.4.2.
func ha1(s string, sha bool) string {
	if sha {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// certificate returns the settings of a server with an authority of its own.
func certificate(t *testing.T) (*tls.Config, office.Fingerprint) {
	t.Helper()
	make := func(isCA bool, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: isCA, BasicConstraintsValid: true,
		}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c, key
	}
	ca, caKey := make(true, nil, nil)
	leaf, key := make(false, ca, caKey)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: key}}}, office.FingerprintOf(ca)
}

// serve runs run until the test ends, and waits for its end.
func serve(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it did not end")
		}
	})
}

// A handset is a phone whose events are kept.
type handset struct {
	*softphone.Phone
	registrations chan softphone.Registration
	incoming      chan *softphone.Call
	statuses      chan softphone.Status
}

// newHandset runs a phone, changed by change, until the test ends.
func newHandset(t *testing.T, a softphone.Account, sound softphone.Audio, change ...func(*softphone.Phone)) *handset {
	t.Helper()
	h := &handset{
		registrations: make(chan softphone.Registration, 64),
		incoming:      make(chan *softphone.Call, 64), statuses: make(chan softphone.Status, 64),
	}
	if sound == nil {
		sound = audio.Null{}
	}
	var err error
	h.Phone, err = softphone.New(softphone.Config{
		Account: a, Audio: sound, Without: softphone.AllStages, // no room, and tones are noise
		OnRegistration: func(r softphone.Registration) { h.registrations <- r },
		OnIncoming:     func(c *softphone.Call) { h.incoming <- c },
		OnCall:         func(_ *softphone.Call, s softphone.Status) { h.statuses <- s },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(h.Phone)
	}
	serve(t, h.Run)
	return h
}

// patience is how long anything in these tests may take.
const patience = 10 * time.Second

// next returns what comes out of c, or fails the test.
func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// until returns the first value that is accepted.
func until[T any](t *testing.T, c <-chan T, is func(T) bool) T {
	t.Helper()
	for {
		if v := next(t, c); is(v) {
			return v
		}
	}
}

// registered waits until the handset can be called.
func (h *handset) registered(t *testing.T) {
	t.Helper()
	until(t, h.registrations, func(r softphone.Registration) bool { return r.State == softphone.Registered })
}

// reaches waits for a status in state.
func (h *handset) reaches(t *testing.T, state softphone.CallState) softphone.Status {
	t.Helper()
	return until(t, h.statuses, func(s softphone.Status) bool { return s.State == state })
}

// A recorder hears a tone and keeps what it is given.
type recorder struct {
	audio.Tone
	heard chan []int16 // 10 ms each; the newest are lost when nobody reads
}

func newRecorder(hz float64) *recorder {
	return &recorder{Tone: audio.Tone{Hz: hz}, heard: make(chan []int16, 1000)}
}

func (r *recorder) Run(ctx context.Context, s media.Stream) error {
	source := s.Source
	s.Source = func(frame []int16) {
		source(frame)
		select {
		case r.heard <- append([]int16(nil), frame...):
		default:
		}
	}
	return r.Tone.Run(ctx, s)
}

// hears waits until half a second of the tone hz was heard in one piece.
func (r *recorder) hears(t *testing.T, hz float64) {
	t.Helper()
	var last []int16
	for range 500 {
		last = append(last, next(t, r.heard)...)
		if n := len(last) - 8000; n >= 0 {
			last = last[n:]
			if media.Level(last, 16000, hz) > -25 {
				return
			}
		}
	}
	t.Fatalf("%.0f Hz was not heard", hz)
}
