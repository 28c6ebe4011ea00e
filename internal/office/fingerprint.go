package office

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"strings"
)

// A Fingerprint is the SHA-256 of a certificate authority's public key
// (SubjectPublicKeyInfo, RFC 5280 §4.1), in 64 lower-case hexadecimal digits. It
// stands for the office's own authority, over HTTPS and SIPS alike. The empty
// Fingerprint means that the system's roots decide.
type Fingerprint string

// FingerprintOf returns the fingerprint of the public key in c.
func FingerprintOf(c *x509.Certificate) Fingerprint {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return Fingerprint(hex.EncodeToString(sum[:]))
}

// ParseFingerprint reads a fingerprint as a person may paste it: either case,
// with or without colons and spaces. It returns ErrFingerprint for anything else.
func ParseFingerprint(s string) (Fingerprint, error) {
	f := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(strings.TrimSpace(s)))
	if b, err := hex.DecodeString(f); err != nil || len(b) != sha256.Size {
		return "", ErrFingerprint
	}
	return Fingerprint(f), nil
}

// Verify returns nil if the peer's chain leads to the authority f by valid
// signatures and dates, else ErrFingerprint, or ErrClock where it is the dates alone.
// The name in the certificate is not
// compared: the office's authority signs for nobody but the office, which may
// be reached by names and addresses that it does not know.
func (f Fingerprint) Verify(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return ErrFingerprint
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, c := range chain[1:] {
		if FingerprintOf(c) == f && c.IsCA {
			roots.AddCert(c)
			found = true
		} else {
			between.AddCert(c)
		}
	}
	if !found {
		return ErrFingerprint
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: between}
	_, err := chain[0].Verify(o)
	if err == nil {
		return nil
	}
	o.CurrentTime = chain[0].NotBefore.Add(chain[0].NotAfter.Sub(chain[0].NotBefore) / 2)
	if _, err := chain[0].Verify(o); err == nil {
		return ErrClock
	}
	return ErrFingerprint
}

// ClientTLS returns the settings with which a client of the office dials: the
// pinned authority, or the system's roots where f is empty. Dialling fails with
// an error that wraps ErrFingerprint where the server is another one, ErrClock where
// its certificate is not of this time.
func (f Fingerprint) ClientTLS() *tls.Config {
	if f == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // replaced by VerifyConnection, which also runs on resumption
		VerifyConnection:   func(s tls.ConnectionState) error { return f.Verify(s.PeerCertificates) },
	}
}
