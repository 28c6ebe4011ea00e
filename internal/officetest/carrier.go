package officetest

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// A Carrier is a telephone company of this process: the network outside of an
// office. Its subscribers behave as they are told, and it calls the office. It is
// safe for concurrent use.
type Carrier struct {
	*ua.Endpoint
	URI   string      // of a trunk to it: "sip:127.0.0.1:5080"
	Roots *tls.Config // holds the root that a client over TLS must trust; nil: none
	Calls chan *Wire  // every call that reached it, in order; those that nobody takes are forgotten after 1000

	opt  CarrierOptions
	addr netip.AddrPort

	mu      sync.Mutex
	behave  map[string]Subscriber // guarded by mu; by number as it is dialled; "" is everybody else
	contact ua.Contact            // guarded by mu; of the office, where it registered
	at      netip.AddrPort        // guarded by mu; from where it registered
	changed chan struct{}         // guarded by mu; closed and replaced when the registration changes
}

// CarrierOptions say how a carrier is reached and whom it serves.
type CarrierOptions struct {
	Transport string // "udp", "tcp" or "tls"; empty: udp
	Host      string // what it listens on; empty: 127.0.0.1
	Port      int    // 0: a free one

	// Username and Password, where given, must be proved by whoever registers and
	// calls; else everybody is served. Realm is the one in which they are asked for.
	Username, Password, Realm string

	TLS *tls.Config // what it presents over TLS
	Log *slog.Logger
}

// A Subscriber answers the calls of one number; its return hangs up.
type Subscriber func(ctx context.Context, w *Wire)

// NewCarrier runs a carrier until stop is called. Unless it is told otherwise, who
// is called answers at once and says 440 Hz.
func NewCarrier(opt CarrierOptions) (c *Carrier, stop func() error, err error) {
	if opt.Transport == "" {
		opt.Transport = "udp"
	}
	if opt.Host == "" {
		opt.Host = "127.0.0.1"
	}
	c = &Carrier{
		opt: opt, Calls: make(chan *Wire, 1000), changed: make(chan struct{}),
		behave: map[string]Subscriber{"": Answers(0, 440)},
	}
	cfg := ua.Config{Log: opt.Log, Agent: "carrier", Host: "carrier.example", OnInvite: c.invite, OnRegister: c.register}
	if opt.Username != "" {
		cfg.Digest = ua.Digest{Realm: opt.Realm, HA1: c.ha1}
	}
	at := net.JoinHostPort(opt.Host, fmt.Sprint(opt.Port))
	switch opt.Transport {
	case "udp":
		if cfg.UDP, err = net.ListenPacket("udp", at); err == nil {
			c.addr = cfg.UDP.LocalAddr().(*net.UDPAddr).AddrPort()
		}
	case "tcp", "tls":
		var l net.Listener
		if l, err = net.Listen("tcp", at); err != nil {
			break
		}
		c.addr = l.Addr().(*net.TCPAddr).AddrPort()
		if cfg.TCP = l; opt.Transport == "tls" {
			cfg.TCP, cfg.TLS, cfg.ServerTLS = nil, l, opt.TLS
		}
	default:
		err = fmt.Errorf("carrier over %q", opt.Transport)
	}
	if err != nil {
		return nil, nil, err
	}
	c.URI = "sip:" + c.addr.String()
	if c.Endpoint, err = ua.New(cfg); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	return c, sync.OnceValue(func() error {
		cancel()
		return <-ended
	}), nil
}

// Trunk returns the trunk by which an office reaches c.
func (c *Carrier) Trunk(name string, priority int) office.Trunk {
	return office.Trunk{
		Name: name, URI: c.URI, Transport: c.opt.Transport, Register: c.opt.Username != "", Username: c.opt.Username,
		Priority: priority, Format: office.E164,
	}
}

// Behave says how the subscriber of a number, as it is dialled, answers; the empty
// number is everybody for whom nothing was said.
func (c *Carrier) Behave(number string, s Subscriber) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behave[number] = s
}

// invite serves a call from the office.
func (c *Carrier) invite(ctx context.Context, in *ua.Incoming) {
	w := newWire(in)
	select {
	case c.Calls <- w:
	default:
	}
	c.mu.Lock()
	s := c.behave[in.To()]
	if s == nil {
		s = c.behave[""]
	}
	c.mu.Unlock()
	defer close(w.over)
	s(ctx, w)
}

// register takes the registration of an office.
func (c *Carrier) register(_ context.Context, r *ua.Registration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.contact = ua.Contact{}
	var bound []ua.Contact
	for _, contact := range r.Contacts {
		if contact.Expires != 0 {
			contact.Expires = time.Hour
			c.contact, c.at = contact, r.Source
			bound = append(bound, contact)
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	r.Accept(bound)
}

// Registered waits until an office is, or is not, registered.
func (c *Carrier) Registered(ctx context.Context, want bool) error {
	for {
		c.mu.Lock()
		is, changed := c.contact.URI != "", c.changed
		c.mu.Unlock()
		if is == want {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for a registration to be %v: %w", want, ctx.Err())
		}
	}
}

// ha1 proves the account.
func (c *Carrier) ha1(_ context.Context, username string, sha bool) (string, error) {
	if username != c.opt.Username {
		return "", office.ErrNotFound
	}
	text := []byte(username + ":" + c.opt.Realm + ":" + c.opt.Password)
	if sha {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:]), nil
	}
	sum := md5.Sum(text)
	return hex.EncodeToString(sum[:]), nil
}

// Call calls number, one of the office's, at server, host:port over the carrier's
// transport, or, where the office registered, at its contact. It blocks until the
// call is answered; t may say who calls, and more.
func (c *Carrier) Call(ctx context.Context, server, number string, t ua.Target) (*Wire, error) {
	c.mu.Lock()
	contact, at := c.contact, c.at
	c.mu.Unlock()
	t.Transport = c.opt.Transport
	t.URI, t.Addr = contact.URI, at
	t.To.Number = office.Number(number)
	if contact.URI == "" {
		addr, err := netip.ParseAddrPort(server)
		if err != nil {
			return nil, err
		}
		t.URI, t.Addr = "sip:"+strings.ReplaceAll(number, "#", "%23")+"@"+server, addr
	}
	leg, err := c.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	w := newWire(nil)
	w.take(leg)
	return w, nil
}
