package api_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/api"
	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/voicemail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit bounds every wait of a test.
const limit = 20 * time.Second

const company = office.Number("+525555550100")

// A house is an office behind a real HTTPS listener.
type house struct {
	t      testing.TB
	store  *store.Store
	dir    string // of the store
	admin  *api.Admin
	socket string
	url    string
	client *http.Client
	calls  atomic.Int64 // that its switch tells of
	phones atomic.Pointer[[]office.ID]
	ready  atomic.Bool
	ahead  atomic.Int64 // how far its clock is ahead of time

	switchboard
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *house) LiveCalls() int { return int(h.calls.Load()) }

func (h *house) Registered() []office.ID {
	if p := h.phones.Load(); p != nil {
		return *p
	}
	return nil
}

// open returns a running office with extensions 101 and 102, password
// "secret-NUMBER".
func open(t testing.TB) *house {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h := &house{t: t, socket: filepath.Join(t.TempDir(), "admin.sock"), dir: t.TempDir()}
	kept, err := store.Open(ctx, store.Config{Dir: h.dir, Now: h.now})
	if err != nil {
		t.Fatal(err)
	}
	h.store = kept
	h.ready.Store(true)
	https, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unix, err := net.Listen("unix", h.socket)
	if err != nil {
		t.Fatal(err)
	}
	gate := auth.New(auth.Config{Store: kept, Now: h.now, Domain: "office.test", URIs: []string{"sips:office.test:5061"}})
	s := api.New(api.Config{
		Store: kept, Gate: gate, Switch: h, Board: h, Dialer: h, Greetings: voicemail.NewGreetings(), Ready: h.ready.Load, Version: "test", SIPSPort: 5061,
		Listeners: api.Listeners{HTTPS: https.Addr().String()},
	})
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx, https, selfSigned(t), unix) }()
	go func() { ended <- kept.Run(ctx) }()
	h.url = "https://" + https.Addr().String()
	h.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
	}, Timeout: limit}
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		stop()
		for range 2 {
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(limit):
				t.Fatal("the server does not end")
			}
		}
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	if h.admin, err = api.DialAdmin(ctx, h.socket); err != nil {
		t.Fatal(err)
	}
	if _, err := h.admin.SetCompany(ctx, api.Company{Number: company, Name: "Ejemplo"}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []office.Number{"101", "102"} {
		h.add(ctx, n)
	}
	return h
}

// hashes are those of the passwords of extensions: hashing is slow on purpose,
// so each is hashed once for all tests, which do not run in parallel.
var hashes = map[office.Number]string{}

// add adds an extension with the password "secret-NUMBER".
func (h *house) add(ctx context.Context, n office.Number) {
	h.t.Helper()
	var err error
	name := "Ana " + string(n)
	if hash := hashes[n]; hash != "" {
		_, err = h.store.AddExtension(ctx, office.Extension{Number: n, Name: name}, hash)
	} else if _, err = h.admin.AddExtension(ctx, api.NewExtension{Number: n, Name: name, Password: "secret-" + string(n)}); err == nil {
		hashes[n], err = h.store.PasswordHash(ctx, n)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func selfSigned(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// An answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request. A body that is no string is sent as JSON; header is a
// list of names and values.
func (h *house) do(method, path, token string, body any, header ...string) answer {
	h.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = bytes.NewReader([]byte(b))
	default:
		j, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		in = bytes.NewReader(j)
	}
	r, err := http.NewRequest(method, h.url+path, in)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{res, b}
}

// into reads the answer's JSON and returns it.
func into[T any](t testing.TB, a answer, status int) (v T) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%d %s, want %d", a.StatusCode, a.body, status)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

// login returns a session of the extension.
func (h *house) login(ext office.Number) api.SessionReply {
	h.t.Helper()
	return into[api.SessionReply](h.t, h.do("POST", "/v1/sessions", "", map[string]string{
		"companyNumber": string(company), "extension": string(ext), "password": "secret-" + string(ext), "deviceName": "laptop",
	}), http.StatusCreated)
}

// account returns the account of an extension.
func (h *house) account(ext office.Number) office.ID {
	h.t.Helper()
	e, err := h.store.Extension(context.Background(), ext)
	if err != nil {
		h.t.Fatal(err)
	}
	return e.Account
}

// leave leaves a voicemail of the given sound for ext, at second n after noon.
func (h *house) leave(ext office.Number, n int, sound string) office.Voicemail {
	h.t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC)
	r := store.Recording{ID: office.NewID(), Account: h.account(ext), From: office.Party{Number: "102", Name: fmt.Sprint("Caller ", n)}, StartedAt: at}
	if err := h.store.BeginRecording(context.Background(), r); err != nil {
		h.t.Fatal(err)
	}
	v, err := h.store.AddVoicemail(context.Background(), store.NewVoicemail{Recording: r, ReceivedAt: at, Duration: 3 * time.Second, Audio: []byte(sound)})
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// log enters a missed call at second n after noon into the log of ext.
func (h *house) log(ext office.Number, n int) office.Call {
	h.t.Helper()
	c := office.Call{
		ID: office.NewID(), Kind: office.Missed, Outcome: office.NoAnswer,
		Peer: office.Party{Number: "103", Name: fmt.Sprint("Peer ", n)}, StartedAt: time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC),
	}
	if err := h.store.EndCalls(context.Background(), store.Side{Account: h.account(ext), Call: c}); err != nil {
		h.t.Fatal(err)
	}
	return c
}
