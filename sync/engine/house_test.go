package engine_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/voicemail"
	"timbre/sync/engine"
	"timbre/sync/local"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Unsetenv("DBUS_SESSION_BUS_ADDRESS") // no keychain, whatever the machine has
	os.Unsetenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() && os.Getenv("TMPDIR") == "" {
		os.Setenv("TMPDIR", "/dev/shm") // nothing here is about what a power cut leaves
	}
	beChild()
	goleak.VerifyTestMain(m)
}

// limit bounds every wait of a test, also on a machine that has much else to do.
const limit = time.Minute

const company = office.Number("+525555550100")

// A house is a real office behind a proxy that can lose things.
type house struct {
	t           testing.TB
	cfg         store.Config
	store       *store.Store // of the present run
	gate        *auth.Gate   // of the present run
	halt        func()       // ends the present run
	url         string
	fingerprint office.Fingerprint
	certificate *tls.Config
	board       *board                 // what everybody is doing
	streamed    chan struct{}          // wakes when the event source was asked
	inner       atomic.Pointer[string] // the office's address in its present run
	direct      http.Handler           // the office without faults
	ahead       atomic.Int64           // the office's clock, beyond the real one
	connections atomic.Int64           // that were opened to it so far

	mu     sync.Mutex
	decide func(*http.Request) fault // guarded by mu; nil: none
	late   []*http.Request           // guarded by mu; requests that have not arrived yet
	seen   []string                  // guarded by mu; method, path and Range of each request
}

func (h *house) LiveCalls() int          { return 0 }
func (h *house) Registered() []office.ID { return nil }

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// open returns a running office with extension 101, password "secret-101".
func open(t testing.TB) *house {
	t.Helper()
	return openWith(t, store.Config{Dir: t.TempDir()})
}

// openWith is open for an office whose data is where cfg says.
func openWith(t testing.TB, cfg store.Config) *house {
	t.Helper()
	ctx := context.Background()
	h := &house{t: t, cfg: cfg, board: newBoard(), streamed: make(chan struct{}, 1)}
	h.cfg.Now = h.now
	h.certificate = h.certify()
	outer := listen(t, "tcp", "127.0.0.1:0")
	front := &http.Server{Handler: h.proxy(), ErrorLog: log.New(io.Discard, "", 0)}
	front.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			h.connections.Add(1)
		}
	}
	h.url = "https://" + outer.Addr().String()
	h.start()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		front.Serve(tls.NewListener(outer, h.certificate))
	}()
	t.Cleanup(func() {
		front.Close()
		<-ended
		h.halt()
	})
	must(t, h.store.SetCompany(ctx, office.Company{Number: company, Name: "Ejemplo", Region: office.DefaultRegion}))
	_, _, err := h.gate.AddExtension(ctx, office.Extension{Number: "101", Name: "Ana López"}, "secret-101")
	must(t, err)
	return h
}

// start runs the office.
func (h *house) start() {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	kept, err := store.Open(ctx, h.cfg)
	for late := time.Now().Add(limit); errors.Is(err, office.ErrInUse) && time.Now().Before(late); time.Sleep(time.Millisecond) {
		kept, err = store.Open(ctx, h.cfg) // a process that was killed, or one that another test is just starting, has the lock still
	}
	must(h.t, err)
	h.store, h.gate = kept, auth.New(auth.Config{Store: kept, Domain: "office.test", Now: h.now})
	inner, admin := listen(h.t, "tcp", "127.0.0.1:0"), listen(h.t, "unix", filepath.Join(h.t.TempDir(), "a"))
	s := api.New(api.Config{
		Store: kept, Gate: h.gate, Switch: h, Board: h.board, Greetings: voicemail.NewGreetings(), Ready: func() bool { return true }, Version: "test", SIPSPort: 5061,
		Listeners: api.Listeners{HTTPS: inner.Addr().String()},
	})
	address := inner.Addr().String()
	h.inner.Store(&address)
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx, inner, h.certificate, admin) }()
	go func() { ended <- kept.Run(ctx) }()
	h.halt = func() {
		stop()
		for range cap(ended) {
			select {
			case err := <-ended:
				if err != nil {
					h.t.Error(err)
				}
			case <-time.After(limit):
				h.t.Fatal("the office does not end")
			}
		}
		if err := kept.Close(); err != nil {
			h.t.Error(err)
		}
	}
}

// restart ends the office and starts it again.
func (h *house) restart() {
	h.halt()
	h.start()
}

// backup returns a backup of the office.
func (h *house) backup() []byte {
	h.t.Helper()
	var b bytes.Buffer
	_, err := h.store.Backup(context.Background(), &b)
	must(h.t, err)
	return b.Bytes()
}

// restore makes the office that of a backup.
func (h *house) restore(backup []byte) {
	h.t.Helper()
	h.halt()
	_, err := store.Restore(context.Background(), h.cfg, bytes.NewReader(backup), true)
	must(h.t, err)
	h.start()
}

// age lets more days pass than tombstones live. The office runs meanwhile: a
// clock that jumps is not believed.
func (h *house) age() {
	h.t.Helper()
	ctx := context.Background()
	const step = 25 * 24 * time.Hour
	message, fax := h.leave(0, 10), h.faxIn("%PDF-1.4")
	since, err := h.store.States(ctx, h.account())
	must(h.t, err)
	_, err = h.store.SetVoicemails(ctx, h.account(), storeDestroy(message.ID)) // a tombstone
	must(h.t, err)
	_, err = h.store.SetFaxes(ctx, h.account(), store.FaxSet{Destroy: []office.ID{fax.ID}})
	must(h.t, err)
	for range 3 {
		h.halt()
		h.ahead.Add(int64(step))
		h.start()
	}
	for _, t := range []store.Type{store.TypeVoicemail, store.TypeFax} {
		for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) { // the housekeeping goes on beside us
			if _, err := h.store.Changes(ctx, h.account(), t, since[t], 10); errors.Is(err, store.ErrCannotCalculate) {
				break
			}
			if time.Now().After(deadline) {
				h.t.Fatal("the tombstones stay")
			}
		}
	}
}

func listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// certify makes an authority, which gives the house its fingerprint, and a
// certificate by it.
func (h *house) certify() *tls.Config {
	h.t.Helper()
	make := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			h.t.Fatal(err)
		}
		if signer == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			h.t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			h.t.Fatal(err)
		}
		return c, key
	}
	ca, caKey := make(&x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	leaf, key := make(&x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, ca, caKey)
	h.fingerprint = office.FingerprintOf(ca)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: key}}}
}

// requests returns what came to the proxy since the last call.
func (h *house) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := h.seen
	h.seen = nil
	return seen
}

// account returns the account of 101.
func (h *house) account() office.ID {
	h.t.Helper()
	e, err := h.store.Extension(context.Background(), "101")
	if err != nil {
		h.t.Fatal(err)
	}
	return e.Account
}

// leave leaves a voicemail of size octets for 101, at second n after noon.
func (h *house) leave(n, size int) office.Voicemail {
	h.t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC)
	r := store.Recording{ID: office.NewID(), Account: h.account(), From: office.Party{Number: "102", Name: fmt.Sprint("Caller ", n)}, StartedAt: at}
	if err := h.store.BeginRecording(context.Background(), r); err != nil {
		h.t.Fatal(err)
	}
	sound := make([]byte, size)
	rand.Read(sound)
	v, err := h.store.AddVoicemail(context.Background(), store.NewVoicemail{Recording: r, ReceivedAt: at, Duration: 3 * time.Second, Audio: sound})
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// call enters a missed call at second n after noon into the log of 101.
func (h *house) call(n int) { h.calls(n, n+1) }

// calls enters one call for each number from first to before last.
func (h *house) calls(first, last int) {
	h.t.Helper()
	var sides []store.Side
	for n := first; n < last; n++ {
		sides = append(sides, store.Side{Account: h.account(), Call: office.Call{
			ID: office.NewID(), Kind: office.Missed, Outcome: office.NoAnswer, Peer: office.Party{Number: "103", Name: fmt.Sprint("Peer ", n)},
			StartedAt: time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC),
		}})
	}
	must(h.t, h.store.EndCalls(context.Background(), sides...))
}

// voicemails returns the messages on the server, newest first, with a * on new ones.
func (h *house) voicemails() string {
	h.t.Helper()
	ctx := context.Background()
	ids, err := h.store.QueryVoicemails(ctx, h.account(), store.VoicemailFilter{}, store.Page{})
	if err != nil {
		h.t.Fatal(err)
	}
	rows, err := h.store.Voicemails(ctx, h.account(), ids...)
	if err != nil {
		h.t.Fatal(err)
	}
	new := map[office.ID]bool{}
	for _, v := range rows {
		new[v.ID] = v.IsNew
	}
	s := ""
	for _, id := range ids {
		s += string(id)
		if new[id] {
			s += "*"
		}
		s += " "
	}
	return s
}

// request returns what 101 types to log in.
func (h *house) request() engine.Login {
	return engine.Login{Server: h.url, Company: company, Extension: "101", Password: "secret-101", Fingerprint: h.fingerprint, DeviceName: "laptop"}
}

// profile opens a profile folder, which is closed with the test.
func profile(t testing.TB, dir string, o engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// login returns a profile that is logged in and synced.
func (h *house) login(dir string, o engine.Options) *engine.Engine {
	h.t.Helper()
	e := profile(h.t, dir, o)
	must(h.t, e.Login(context.Background(), h.request()))
	must(h.t, e.SyncOnce(context.Background()))
	return e
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// list returns the messages that a user of e sees, as house.voicemails does.
func list(t testing.TB, e *engine.Engine) string {
	t.Helper()
	rows, err := e.Voicemails(context.Background(), local.Filter{})
	must(t, err)
	s := ""
	for _, v := range rows {
		s += string(v.ID)
		if v.IsNew {
			s += "*"
		}
		s += " "
	}
	return s
}

// start runs e until the test ends.
func start(t testing.TB, e *engine.Engine) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(limit):
			t.Fatal("Run does not end")
		}
	})
}

// await waits until ok, looking again after each change that s tells of.
func await(t testing.TB, s *engine.Subscription, what string, ok func() bool) {
	t.Helper()
	late := time.After(limit)
	for !ok() {
		select {
		case <-s.C:
			s.Changed()
		case <-late:
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// storeDestroy returns a change that destroys one message on the server.
func storeDestroy(id office.ID) store.VoicemailSet {
	return store.VoicemailSet{Destroy: []office.ID{id}}
}

// sameSound fails unless what sound holds is the sound of v.
func (h *house) sameSound(sound io.ReadCloser, v office.Voicemail) {
	h.t.Helper()
	defer sound.Close()
	got, err := io.ReadAll(sound)
	must(h.t, err)
	f, _, err := h.store.OpenBlob(context.Background(), h.account(), v.BlobID)
	must(h.t, err)
	defer f.Close()
	want, err := io.ReadAll(f)
	must(h.t, err)
	if !bytes.Equal(got, want) {
		h.t.Errorf("there are %d octets that are not the sound's %d", len(got), len(want))
	}
}
