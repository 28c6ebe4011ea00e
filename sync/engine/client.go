package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// An UnknownAuthority is the answer to a Login without a fingerprint to a server
// whose certificate was made by the office itself. A person has to compare
// Fingerprint with what the administrator says, then Login again with it. It is
// an office.ErrFingerprint. Nothing was sent to that server.
type UnknownAuthority struct {
	Fingerprint office.Fingerprint
}

func (e *UnknownAuthority) Error() string { return "unknown authority " + string(e.Fingerprint) }

// Unwrap makes it an office.ErrFingerprint.
func (e *UnknownAuthority) Unwrap() error { return office.ErrFingerprint }

// Limits of time and size of one exchange.
const (
	dialTime     = 10 * time.Second
	answerTime   = 30 * time.Second // until the headers of an answer
	exchangeTime = time.Minute      // for a whole request and answer but downloads and events
	maxAnswer    = 32 << 20         // octets of an answer, unpacked
)

// A client speaks HTTPS with one server. It is safe for concurrent use.
type client struct {
	base  *url.URL // of the server, without a path
	http  *http.Client
	token string // empty before the login
}

func newClient(server string, f office.Fingerprint, token string) (*client, error) {
	base, err := url.Parse(server)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("server %.60q: %w", server, errAddress)
	}
	dialer := &net.Dialer{Timeout: dialTime}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       f.ClientTLS(),
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: answerTime,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   4,
		ForceAttemptHTTP2:     true,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second},
	}
	return &client{
		base:  &url.URL{Scheme: base.Scheme, Host: base.Host},
		token: token,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this server alone
		},
	}, nil
}

// errAddress is an address that cannot be a server's.
var errAddress = errors.New("not an https address")

// close gives up the connections that are idle.
func (c *client) close() { c.http.CloseIdleConnections() }

// resolve returns the URL for a reference of the session object. Whatever host
// it names, the server that the user logged in to is meant: behind a NAT the two
// may differ, and the token must not go anywhere else.
func (c *client) resolve(reference string) (string, error) {
	u, err := c.base.Parse(reference)
	if err != nil {
		return "", fmt.Errorf("reading a URL of the session: %w", office.ErrUnavailable)
	}
	u.Scheme, u.Host, u.User = c.base.Scheme, c.base.Host, nil
	return u.String(), nil
}

// A file is a body that is sent as it is.
type file struct {
	io.Reader
	size      int64
	mediaType string
}

// send makes a request and returns the answer if its status is 2xx. The caller
// closes the body. Other answers and failures are errors of package office; see
// delayed. body is sent as JSON unless it is a file; nil sends none.
func (c *client) send(ctx context.Context, method, reference string, body any, headers ...string) (*http.Response, error) {
	target, err := c.resolve(reference)
	if err != nil {
		return nil, err
	}
	content, isFile := body.(file)
	if body != nil && !isFile {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = file{bytes.NewReader(raw), int64(len(raw)), jmap.RequestType}
	}
	r, err := http.NewRequestWithContext(ctx, method, target, content.Reader)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "Timbre")
	if body != nil {
		r.ContentLength = content.size
		r.Header.Set("Content-Type", content.mediaType)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

// exchange makes a request with JSON and reads the answer into the value that
// into points to; nil skips it.
func (c *client) exchange(ctx context.Context, method, reference string, body, into any) error {
	return c.exchangeWithin(ctx, exchangeTime, method, reference, body, into)
}

// exchangeWithin is exchange with a limit of time.
func (c *client) exchangeWithin(ctx context.Context, limit time.Duration, method, reference string, body, into any) error {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := c.send(within, method, reference, body)
	if err != nil {
		if ctx.Err() == nil && within.Err() != nil {
			return fmt.Errorf("%w: no answer in time", office.ErrOffline)
		}
		if errors.Is(err, errNothing) {
			return fmt.Errorf("%w: there is no such resource", office.ErrUnavailable)
		}
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return unreachable(ctx, err)
	case len(raw) > maxAnswer:
		return fmt.Errorf("%w: the answer is too long", office.ErrUnavailable)
	case into == nil:
		return nil
	}
	if response, ok := into.(*jmap.Response); ok {
		err = response.Parse(raw)
	} else {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("%w: the answer is not what it should be", office.ErrUnavailable)
	}
	return nil
}

// unreachable tells a strange server from one that does not answer.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, office.ErrFingerprint) {
		return office.ErrFingerprint
	}
	if errors.Is(err, office.ErrClock) {
		return office.ErrClock
	}
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		if f := authorityOf(refused.UnverifiedCertificates); f != "" && !isPublic(refused.UnverifiedCertificates) {
			return &UnknownAuthority{f}
		}
		return fmt.Errorf("%w: %w", office.ErrFingerprint, refused.Err)
	}
	return fmt.Errorf("%w: %w", office.ErrOffline, err)
}

// authorityOf returns the fingerprint of the authority that made a chain, empty
// where the chain does not end in one that signed itself: to trust a link in the
// middle would be to trust all that a public authority signs.
func authorityOf(chain []*x509.Certificate) office.Fingerprint {
	if len(chain) < 2 {
		return ""
	}
	top := chain[len(chain)-1]
	f := office.FingerprintOf(top)
	if top.CheckSignatureFrom(top) != nil || f.Verify(chain) != nil {
		return ""
	}
	return f
}

// isPublic reports whether the system trusts a chain, whatever names are in it:
// then the server is somebody's, but not the office's.
func isPublic(chain []*x509.Certificate) bool {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Intermediates: between})
	return err == nil
}

// A delayed error comes with the time after which the server wants to be asked
// again (RFC 9110 §10.2.3).
type delayed struct {
	error
	after time.Duration
}

func (d *delayed) Unwrap() error { return d.error }

// isDelayed reports whether the server wants to be left in peace for a while.
func isDelayed(err error) bool {
	var asked *delayed
	return errors.As(err, &asked)
}

// maxDelay bounds what a server may ask for.
const maxDelay = 10 * time.Minute

// refusal returns what a status of 3xx or more means.
func refusal(res *http.Response) error {
	err := meaning(res)
	after, at := res.Header.Get("Retry-After"), time.Time{}
	seconds, notSeconds := strconv.Atoi(after)
	if notSeconds != nil {
		at, _ = http.ParseTime(after) // the zero time asks for nothing
	}
	if d := max(time.Duration(min(max(seconds, 0), 3600))*time.Second, time.Until(at)); d > 0 {
		return &delayed{err, min(d, maxDelay)}
	}
	return err
}

// errNothing is an answer without words that there is nothing at a URL. For a
// download that is office.ErrNotFound; else something stands between.
var errNothing = fmt.Errorf("%w: status 404", office.ErrNotFound)

// meaning returns what the status and the problem of an answer say.
func meaning(res *http.Response) error {
	var p jmap.Problem
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 16<<10)) // without it the status says enough
	if json.Unmarshal(raw, &p) == nil {
		if code, ours := strings.CutPrefix(p.Type, office.ProblemType); ours && code != "" {
			return office.Error(code)
		}
		if p.Type == jmap.LimitProblem && res.StatusCode != http.StatusRequestEntityTooLarge {
			return office.ErrTooMany
		}
	}
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return office.ErrSession
	case http.StatusTooManyRequests:
		return office.ErrTooMany
	case http.StatusRequestEntityTooLarge:
		return office.ErrLimit
	case http.StatusNotFound:
		return errNothing
	}
	return fmt.Errorf("%w: status %d", office.ErrUnavailable, res.StatusCode)
}
