package mail

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// A smtpd is a real SMTP server that keeps what it takes as files.
type smtpd struct {
	folder string
	port   string
	roots  *x509.CertPool
}

// python is the interpreter for which Debian's aiosmtpd is installed.
const python = "/usr/bin/python3"

// serve starts an SMTP server: plain, starttls or tls.
func serve(t *testing.T, mode string) *smtpd {
	t.Helper()
	d := &smtpd{folder: t.TempDir(), roots: x509.NewCertPool()}
	cert, key := certificate(t, d.roots)
	cmd := exec.Command(python, "testdata/smtpd.py", d.folder, mode, cert, key)
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		late := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		defer late.Stop()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the SMTP server does not start: %v", err)
	}
	d.port = strings.TrimSpace(line)
	return d
}

// certificate makes one for 127.0.0.1 that roots trusts.
func certificate(t *testing.T, roots *x509.CertPool) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	return cert, key
}

// does makes the server answer RCPT with text; empty: take it.
func (d *smtpd) refuses(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(d.folder, "refuse")
	var err error
	if text == "" {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A received is a message that came out at the other end, parsed again.
type received struct {
	header     mail.Header
	subject    string
	text       string
	attachment []byte
	file       string // name of the attachment
}

// received returns what the server has taken so far, in order.
func (d *smtpd) received(t *testing.T) []received {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.folder, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(files)
	var all []received
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := parse(data)
		if err != nil {
			t.Fatalf("%s: %v\n%s", f, err, data)
		}
		all = append(all, r)
	}
	return all
}

// parse reads a message as a mail program does.
func parse(data []byte) (r received, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return r, err
	}
	r.header = m.Header
	if r.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return r, err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return r, err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		text, err := decode(m.Body, m.Header.Get("Content-Transfer-Encoding"))
		r.text = string(text)
		return r, err
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return r, err
		}
		content, err := decode(p, p.Header.Get("Content-Transfer-Encoding"))
		if err != nil {
			return r, err
		}
		if p.FileName() == "" {
			r.text = string(content)
		} else {
			r.attachment, r.file = content, p.FileName()
		}
	}
}

// decode undoes a transfer encoding.
func decode(r io.Reader, encoding string) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "", "7bit", "8bit":
	default:
		return nil, fmt.Errorf("encoding %q", encoding)
	}
	return io.ReadAll(r)
}
