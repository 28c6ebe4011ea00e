package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"timbre/internal/office"
)

// sendTime is how long the sending of one letter may take.
const sendTime = time.Minute

// A relay is the server through which the office sends (RFC 5321; submission:
// RFC 6409).
type relay struct {
	host           string
	port           int
	implicit       bool // TLS from the first byte (RFC 8314)
	user, password string
	from           string
	roots          *x509.CertPool // nil: the system's
}

// newRelay reads m. It returns ErrMailing where its URL says no server.
func newRelay(m office.Mailing, password string, roots *x509.CertPool) (relay, error) {
	u, err := url.Parse(m.URL)
	if err != nil || u.Hostname() == "" {
		return relay{}, office.ErrMailing
	}
	r := relay{host: u.Hostname(), user: u.User.Username(), password: password, from: m.From, roots: roots}
	switch u.Scheme {
	case "smtp":
		r.port = 587
		if r.user == "" {
			r.port = 25
		}
	case "smtps":
		r.port, r.implicit = 465, true
	default:
		return relay{}, office.ErrMailing
	}
	if p := u.Port(); p != "" {
		if r.port, err = strconv.Atoi(p); err != nil {
			return relay{}, office.ErrMailing
		}
	}
	return r, nil
}

// send hands one message over. It returns nil as soon as the server has taken
// responsibility for it (RFC 5321 §6.1), whatever happens to the connection
// then.
func (r relay) send(ctx context.Context, m *gomail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	client, err := gomail.NewClient(r.host, r.options()...)
	if err != nil {
		return fmt.Errorf("preparing to send: %w", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &untrusted): // in front, because the rest may be cut off
		return fmt.Errorf("the mail server's certificate is not trusted on this machine: %w", untrusted.Err)
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return fmt.Errorf("the mail server takes no password here; leave the user out of its URL, or use the port on which it offers TLS: %w", err)
	case err != nil:
		return fmt.Errorf("reaching the mail server: %w", err)
	}
	defer client.CloseWithSMTPClient(conn)
	if err := client.SendWithSMTPClient(conn, m); err != nil && !m.IsDelivered() {
		return fmt.Errorf("handing over an e-mail: %w", err)
	}
	return nil
}

// options are those of the connection. A password never travels in clear, but to
// this machine.
func (r relay) options() []gomail.Option {
	o := []gomail.Option{
		gomail.WithTimeout(sendTime / 2),
		gomail.WithTLSConfig(&tls.Config{ServerName: r.host, RootCAs: r.roots, MinVersion: tls.VersionTLS12}),
		gomail.WithoutRset(),
	}
	switch {
	case r.implicit:
		o = append(o, gomail.WithSSL())
	case r.user != "" && !isLoopback(r.host):
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	o = append(o, gomail.WithPort(r.port)) // last: the policies above set one too
	if r.user != "" {
		o = append(o, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(r.user), gomail.WithPassword(r.password))
	}
	return o
}

// isLoopback reports whether host is this machine.
func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// isRefused reports whether the server will never take the message, so that
// another try is of no use: it said so with a 5xx to the sender, the receiver or
// the text. Anything else, a wrong password too, may be mended.
func isRefused(err error) bool {
	var refused *gomail.SendError
	return errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500
}
