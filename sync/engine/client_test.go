package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// signed returns a certificate by parent, by itself where parent is nil.
func signed(t *testing.T, authority bool, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: authority, BasicConstraintsValid: true}
	template.Subject.CommonName = string(office.NewID())
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

// Only an authority that signed itself may be put before a person: behind a link
// in the middle of a public chain stands everybody.
func TestAuthorityOf(t *testing.T) {
	root, rootKey := signed(t, true, nil, nil)
	middle, middleKey := signed(t, true, root, rootKey)
	leaf, _ := signed(t, false, root, rootKey)
	far, _ := signed(t, false, middle, middleKey)
	other, _ := signed(t, true, nil, nil)
	for name, c := range map[string]struct {
		chain []*x509.Certificate
		want  office.Fingerprint
	}{
		"as an office sends it": {[]*x509.Certificate{leaf, root}, office.FingerprintOf(root)},
		"with a link between":   {[]*x509.Certificate{far, middle, root}, office.FingerprintOf(root)},
		"a public chain":        {[]*x509.Certificate{far, middle}, ""},
		"another's authority":   {[]*x509.Certificate{leaf, other}, ""},
		"alone":                 {[]*x509.Certificate{root}, ""},
		"nothing":               {nil, ""},
	} {
		if got := authorityOf(c.chain); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The token must go to the server of the login and nowhere else, whatever the
// session object says.
func TestURLsStayAtTheServer(t *testing.T) {
	c, err := newClient("https://office.test:8443", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"/jmap/api":                          "https://office.test:8443/jmap/api",
		"https://office.test:8443/jmap/api":  "https://office.test:8443/jmap/api",
		"https://elsewhere.test/jmap?a=b":    "https://office.test:8443/jmap?a=b",
		"http://user@elsewhere.test/jmap":    "https://office.test:8443/jmap",
		"//elsewhere.test/jmap":              "https://office.test:8443/jmap",
		"https://office.test/%zz":            "",
		"https://10.0.0.1:8443/jmap/api#top": "https://office.test:8443/jmap/api#top",
	} {
		if got, _ := c.resolve(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	for _, server := range []string{"http://office.test", "ftp://office.test", "office.test", "https://", strings.Repeat(":", 5)} {
		if _, err := newClient(server, "", ""); err == nil {
			t.Errorf("%s was taken for a server", server)
		}
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	before := time.Duration(0)
	for failures := range 100 {
		low, high := backoff(failures, 0), backoff(failures, 1)
		if low < before/4 || low < firstBackoff/2 || high > lastBackoff || low >= high {
			t.Errorf("after %d failures: %v to %v", failures, low, high)
		}
		before = high
	}
	if before != lastBackoff {
		t.Errorf("it ends at %v", before)
	}
}
