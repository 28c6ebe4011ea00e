package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"timbre/internal/office"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAuthorityStaysTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, err := openAuthority(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openAuthority(dir, noon.Add(time.Hour))
	if err != nil || again.fingerprint() != first.fingerprint() {
		t.Fatalf("%v: %s, want %s", err, again.fingerprint(), first.fingerprint())
	}
	for name, mode := range map[string]os.FileMode{".": 0o700 | os.ModeDir, "ca.pem": 0o600, "ca-key.pem": 0o600} {
		if i, err := os.Stat(filepath.Join(dir, name)); err != nil || i.Mode() != mode {
			t.Errorf("%s: %v, %v", name, i.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if life := first.cert.NotAfter.Sub(noon); life != authorityLife {
		t.Errorf("lives %s", life)
	}
}

func TestAuthorityThatIsDamagedIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := openAuthority(dir, noon); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "ca-key.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := openAuthority(dir, noon); err == nil {
		t.Error("clients that pinned the old authority were left alone with a new one")
	}
}

func TestLeafRenewsItself(t *testing.T) {
	a, err := openAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	names := []string{"localhost", "127.0.0.1", "::1", "office.example.com"}
	c, err := ownCertificate(a, func() []string { return names }, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	first, _ := c.get(nil)
	if same, _ := c.get(nil); same != first {
		t.Error("a new leaf for each client")
	}
	leaf := first.Leaf
	if !slices.Equal(leaf.DNSNames, []string{"localhost", "office.example.com"}) || len(leaf.IPAddresses) != 2 {
		t.Errorf("%v %v", leaf.DNSNames, leaf.IPAddresses)
	}
	if left := leaf.NotAfter.Sub(now); left > 90*24*time.Hour || left < 89*24*time.Hour {
		t.Errorf("lives %s", left)
	}
	now = leaf.NotAfter.Add(-time.Hour)
	renewed, _ := c.get(nil)
	if renewed == first || !renewed.Leaf.NotAfter.After(leaf.NotAfter) {
		t.Error("an hour before its end the leaf is still the old one")
	}
	chain := []*x509.Certificate{renewed.Leaf, a.cert}
	if err := c.print.Verify(chain[:1]); !errors.Is(err, office.ErrFingerprint) {
		t.Errorf("without the authority behind it: %v", err)
	}
	if len(first.Certificate) != 2 {
		t.Error("the authority is not shown, so nobody can pin it")
	}
}

// A server that started with a clock in the future must not lock its clients out
// when the clock is set right.
func TestClockThatWasAhead(t *testing.T) {
	now := time.Now().AddDate(2, 0, 0)
	a, err := openAuthority(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	names := func() []string { return []string{"localhost"} }
	c, err := ownCertificate(a, names, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	now = time.Now()
	shown, err := c.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.print.Verify([]*x509.Certificate{shown.Leaf, a.cert}); err != nil {
		t.Errorf("a client refuses it: %v (leaf from %s, authority from %s)", err, shown.Leaf.NotBefore, a.cert.NotBefore)
	}
}

func TestClientPinsTheAuthority(t *testing.T) {
	a, err := openAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other, err := openAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := ownCertificate(a, place{}.names, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	handshake := func(f office.Fingerprint) error {
		near, far := net.Pipe()
		defer near.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer far.Close()
			_ = tls.Server(far, c.config()).Handshake() // what the client says counts
		}()
		near.SetDeadline(time.Now().Add(10 * time.Second))
		err := tls.Client(near, f.ClientTLS()).Handshake()
		near.Close()
		<-done
		return err
	}
	if err := handshake(c.print); err != nil {
		t.Errorf("its own fingerprint: %v", err)
	}
	if err := handshake(other.fingerprint()); !errors.Is(err, office.ErrFingerprint) {
		t.Errorf("the fingerprint of another office: %v", err)
	}
	if err := handshake(""); err == nil {
		t.Error("the system's roots trust the office")
	}
}

func TestCertificateFilesAreReloaded(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a, err := openAuthority(filepath.Join(dir, "tls"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, at time.Time) {
		t.Helper()
		leaf, err := a.leaf([]string{name}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
			if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := fileCertificate(cert, key, slog.New(slog.DiscardHandler), time.Now); err == nil {
		t.Fatal("a certificate that is not there")
	}
	write("one.example.com", noon)
	c, err := fileCertificate(cert, key, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		is, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return is.Leaf.DNSNames[0]
	}
	if shown() != "one.example.com" || c.print != "" {
		t.Errorf("%s %q", shown(), c.print)
	}
	write("two.example.com", noon.Add(time.Minute))
	if shown() != "two.example.com" {
		t.Error("the new files were not read")
	}
	if err := os.WriteFile(cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if shown() != "two.example.com" {
		t.Error("a broken file took the old certificate away")
	}
}
