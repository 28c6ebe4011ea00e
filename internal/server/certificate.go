package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"timbre/internal/office"
)

// A certificate presents the office over HTTPS and SIPS. It renews or reloads
// itself when a client connects, so that it needs no goroutine and no restart.
// It is safe for concurrent use.
type certificate struct {
	log *slog.Logger
	now func() time.Time

	fresh  func(*tls.Certificate) bool      // whether the one in use may still be shown
	obtain func() (*tls.Certificate, error) // makes or loads the next one
	print  office.Fingerprint               // of the office's authority; empty: the system's roots decide

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu
}

// ownCertificate returns a certificate that a signs for names, with a fresh
// leaf long before the old one ends.
func ownCertificate(a *authority, names func() []string, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{log: log, now: now, print: a.fingerprint()}
	c.fresh = func(t *tls.Certificate) bool { // a clock that was ahead may have been set back since
		return now().Before(t.Leaf.NotAfter.Add(-leafRenewal)) && now().After(t.Leaf.NotBefore)
	}
	c.obtain = func() (*tls.Certificate, error) { return a.leaf(names(), now()) }
	return c, c.first()
}

// fileCertificate returns the certificate in the PEM files cert and key, read
// again whenever one of them changes.
func fileCertificate(cert, key string, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{log: log, now: now}
	var seen fileStamps // of the files that were loaded last, or found wanting; guarded by c.mu
	c.fresh = func(*tls.Certificate) bool { return stampsOf(cert, key) == seen }
	c.obtain = func() (*tls.Certificate, error) {
		seen = stampsOf(cert, key)
		t, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", cert, key, err)
		}
		return &t, nil
	}
	return c, c.first()
}

// first obtains the certificate that the server starts with.
func (c *certificate) first() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, err = c.obtain()
	return err
}

// get is the GetCertificate of a tls.Config. A renewal that goes wrong leaves
// the old certificate in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fresh(c.current) {
		next, err := c.obtain()
		if err != nil {
			c.log.Error("certificate not renewed", "err", err)
			return c.current, nil
		}
		c.current = next
		c.log.Info("certificate renewed", "expires_at", next.Leaf.NotAfter)
	}
	return c.current, nil
}

// ends returns when the certificate in use ends.
func (c *certificate) ends() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.Leaf.NotAfter
}

// config returns the TLS settings of a listener.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// fileStamps tells whether one of two files was replaced.
type fileStamps struct {
	certTime, keyTime time.Time
	certSize, keySize int64
}

// stampsOf looks at both files; one that cannot be looked at has no stamp.
func stampsOf(cert, key string) (s fileStamps) {
	if i, err := os.Stat(cert); err == nil {
		s.certTime, s.certSize = i.ModTime(), i.Size()
	}
	if i, err := os.Stat(key); err == nil {
		s.keyTime, s.keySize = i.ModTime(), i.Size()
	}
	return s
}
