package office

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"
)

// A certificate of the office that is over, or not begun, is no stranger's.
func TestCertificateOfAnotherTime(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, to time.Time
		want     error
	}{
		"now":   {now.Add(-time.Hour), now.Add(time.Hour), nil},
		"over":  {now.Add(-2 * time.Hour), now.Add(-time.Hour), ErrClock},
		"later": {now.Add(time.Hour), now.Add(2 * time.Hour), ErrClock},
	} {
		top, key := certify(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, NotBefore: c.from, NotAfter: c.to}, nil, nil)
		leaf, _ := certify(t, &x509.Certificate{NotBefore: c.from, NotAfter: c.to}, top, key)
		if err := FingerprintOf(top).Verify([]*x509.Certificate{leaf, top}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		other, _ := certify(t, &x509.Certificate{NotBefore: c.from, NotAfter: c.to}, nil, nil)
		if err := FingerprintOf(top).Verify([]*x509.Certificate{other, top}); !errors.Is(err, ErrFingerprint) {
			t.Errorf("%s, signed by another: %v", name, err)
		}
	}
}

// certify makes a certificate, signed by itself where parent is nil.
func certify(t *testing.T, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, signer = template, key
	}
	template.SerialNumber = big.NewInt(1)
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
