package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/server"
	"timbre/internal/sqldb/pgtest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "5") // sound takes time, not processors
	goleak.VerifyTestMain(m)
}

// limit bounds every wait of a test.
const limit = 20 * time.Second

// loopback returns a Config on free ports.
func loopback(data string) server.Config {
	os.Chmod(data, 0o700) // whatever the umask
	return server.Config{Data: data, HTTPS: "127.0.0.1:0", SIP: "127.0.0.1:0", SIPS: "127.0.0.1:0"}
}

// start runs a server until stop is called, which returns what Run did.
func start(t *testing.T, cfg server.Config) (r server.Ready, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan server.Ready, 1), make(chan error, 1)
	cfg.OnReady = func(r server.Ready) { ready <- r }
	go func() { ended <- server.Run(ctx, cfg) }()
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- nil // for a second stop
			return err
		case <-time.After(limit):
			t.Fatal("the server does not stop")
			return nil
		}
	}
	t.Cleanup(func() { stop() })
	select {
	case r = <-ready:
	case err := <-ended:
		t.Fatalf("the server did not start: %v", err)
	case <-time.After(limit):
		t.Fatal("the server is not ready")
	}
	return r, stop
}

// set gives the office in cfg a company and extension 101.
func set(t *testing.T, cfg server.Config) {
	t.Helper()
	ctx := context.Background()
	a, done, err := server.Admin(ctx, cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.SetCompany(ctx, api.Company{Number: "+525555550100", Name: "Ejemplo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddExtension(ctx, api.NewExtension{Number: "101", Name: "Ana", Password: "secret-101"}); err != nil {
		t.Fatal(err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
}

// client returns an HTTPS client that pins the office's authority.
func client(t *testing.T, r server.Ready) *http.Client {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: r.Fingerprint.ClientTLS()}, Timeout: limit}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func login(t *testing.T, r server.Ready) api.SessionReply {
	t.Helper()
	return loginOf(t, r, "101", "secret-101")
}

// loginOf begins a session of extension n.
func loginOf(t *testing.T, r server.Ready, n office.Number, password string) (s api.SessionReply) {
	t.Helper()
	body := map[string]string{"companyNumber": "+525555550100", "extension": string(n), "password": password}
	post(t, r, "/v1/sessions", nil, body, &s)
	return s
}

// post sends a body as JSON, and fails the test unless something is made.
func post(t *testing.T, r server.Ready, path string, header http.Header, body, made any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("POST", r.HTTPS+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client(t, r).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err = io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %d %s, %v", path, res.StatusCode, b, err)
	}
	if err := json.Unmarshal(b, made); err != nil {
		t.Fatal(err)
	}
}

func TestServerServesAndStops(t *testing.T) {
	cfg := loopback(t.TempDir())
	cfg.ReadyFile = filepath.Join(t.TempDir(), "ready.json")
	set(t, cfg)
	r, stop := start(t, cfg)
	b, err := os.ReadFile(cfg.ReadyFile)
	var written server.Ready
	if err != nil || json.Unmarshal(b, &written) != nil || written != r {
		t.Fatalf("%s, %v; want %+v", b, err, r)
	}
	s := login(t, r)
	if _, port, _ := net.SplitHostPort(r.SIPS); len(s.SIP.URIs) != 1 || s.SIP.URIs[0] != "sips:127.0.0.1:"+port {
		t.Errorf("%v, want where SIPS listens, %s", s.SIP.URIs, r.SIPS)
	}
	res, err := client(t, r).Get(r.HTTPS + "/readyz")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
	res.Body.Close()
	if i, err := os.Stat(filepath.Join(cfg.Data, "admin.sock")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", i, err)
	}

	a, done, err := server.Admin(context.Background(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	status, err := a.Status(context.Background())
	if err != nil || !status.Running || status.Listeners.HTTPS != r.HTTPS || status.Fingerprint != r.Fingerprint || status.Sessions != 1 {
		t.Errorf("%+v, %v", status, err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}

	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	for _, gone := range []string{cfg.ReadyFile, filepath.Join(cfg.Data, "admin.sock")} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	if again, _ := start(t, cfg); again.Fingerprint != r.Fingerprint {
		t.Errorf("the fingerprint changed with a restart")
	}
}

func TestSIPOverTLSShowsTheSameCertificate(t *testing.T) {
	r, _ := start(t, loopback(t.TempDir()))
	res, err := client(t, r).Get(r.HTTPS + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	c, err := dialTLS(r.SIPS, r.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := office.FingerprintOf(c.ConnectionState().PeerCertificates[1]); got != r.Fingerprint {
		t.Errorf("%s, want %s", got, r.Fingerprint)
	}
}

func TestServersThatCannotStart(t *testing.T) {
	used := loopback(t.TempDir())
	used.ReadyFile = filepath.Join(t.TempDir(), "ready.json")
	running, _ := start(t, used)
	elsewhere := loopback(used.Data)
	elsewhere.ReadyFile = used.ReadyFile
	taken := loopback(filepath.Join(t.TempDir(), "new"))
	taken.HTTPS = strings.TrimPrefix(running.HTTPS, "https://")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noCert := loopback(filepath.Join(t.TempDir(), "new"))
	noCert.Cert, noCert.Key = "missing.pem", "missing.pem"
	tests := []struct {
		name string
		cfg  server.Config
		says string
	}{
		{"a folder in use", elsewhere, string(office.ErrInUse)},
		{"a busy port", taken, "https: "},
		{"a folder that is a file", loopback(filepath.Join(file, "x")), "data folder"},
		{"no certificate", noCert, "missing.pem"},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		err := server.Run(ctx, tt.cfg)
		cancel()
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := os.Stat(taken.Data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a busy port changed something: %v", err)
	}
	if _, err := os.Stat(used.ReadyFile); err != nil {
		t.Errorf("the ready file of the running server: %v", err)
	}
	login := client(t, running)
	if res, err := login.Get(running.HTTPS + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the running server was disturbed: %v", err)
	} else {
		res.Body.Close()
	}
}

func TestServerOnPostgreSQL(t *testing.T) {
	cfg := loopback(t.TempDir())
	cfg.DB = pgtest.Start(t).Database(t)
	set(t, cfg)
	if _, _, err := server.Admin(context.Background(), loopback(cfg.Data), false); err == nil {
		t.Error("without --db the folder became a second office")
	}
	r, _ := start(t, cfg)
	login(t, r)
	other := loopback(t.TempDir())
	set(t, other)
	other.DB = cfg.DB
	if _, _, err := server.Admin(context.Background(), other, false); err == nil || !strings.Contains(err.Error(), "migrate") {
		t.Errorf("--db beside rows in SQLite: %v", err)
	}
	beside := loopback(t.TempDir())
	beside.DB = cfg.DB
	if err := server.Run(context.Background(), beside); !errors.Is(err, office.ErrInUse) || !strings.Contains(err.Error(), "--db") {
		t.Errorf("a second server on one database: %v", err)
	}
	other.DB = ""
	if _, done, err := server.Admin(context.Background(), other, false); err != nil {
		t.Errorf("an office was locked out by one --db too many: %v", err)
	} else if err := done(); err != nil {
		t.Error(err)
	}
	a, done, err := server.Admin(context.Background(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if status, err := a.Status(context.Background()); err != nil || status.Database != "postgres" || status.Sessions != 1 {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestStopWhileClientsHangOn(t *testing.T) {
	cfg := loopback(t.TempDir())
	set(t, cfg)
	r, stop := start(t, cfg)
	s := login(t, r)
	req, err := http.NewRequest("GET", r.HTTPS+"/jmap/eventsource", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	res, err := client(t, r).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	idle, err := net.Dial("tcp", r.SIPS) // says nothing, not even hello
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	began := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

func TestAdminOfNoOffice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, _, err := server.Admin(context.Background(), loopback(dir), false); !errors.Is(err, office.ErrNoCompany) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("asking made the folder")
	}
}
