// Package trunk is the office's lines to the outside: it owns their addresses,
// their registrations, what is known of their state, and the order in which they
// are tried when somebody calls out. It knows no extensions, rights or dial plan:
// who may call which number is decided before, and an incoming call is only told
// to be a carrier's. Package pbx calls it; the rows are store's, SIP is ua's.
//
// A carrier is known by the addresses of its host (A and AAAA records; there is no
// SRV lookup) and, where the trunk registers, by the contact that it was given.
// RFC 3261 §10 (registering) and §11 (OPTIONS, by which the state of a trunk that
// does not register is found out), RFC 3325 (the identity that goes out).
package trunk

import (
	"context"
	"crypto/x509"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// A Store holds the office's trunks; *store.Store is one.
type Store interface {
	// Trunks returns all trunks, the lowest priority number first.
	Trunks(ctx context.Context) ([]office.Trunk, error)
	// TrunkSecret returns the password of a trunk, empty where it has none.
	TrunkSecret(ctx context.Context, id office.ID) (string, error)
	// Configured returns a channel on which a value appears when any of it may
	// have changed.
	Configured() (wake <-chan struct{}, cancel func())
}

// An Endpoint speaks SIP; *ua.Endpoint is one.
type Endpoint interface {
	Dial(ctx context.Context, t ua.Target) (*ua.Leg, error)
	RegisterLoop(ctx context.Context, cfg ua.RegisterConfig) error
	Options(ctx context.Context, t ua.Target) (status int, err error)
}

// A Config is what a Group works with.
type Config struct {
	Store    Store
	Endpoint Endpoint
	Log      *slog.Logger     // nil: nothing is logged
	Now      func() time.Time // nil: time.Now
	// Resolve returns the addresses of a host name. Nil: the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Roots   *x509.CertPool // who certifies carriers over TLS; nil: the system's authorities
}

// A Group is all trunks of the office. It is safe for concurrent use.
type Group struct {
	cfg Config
	log *slog.Logger

	mu       sync.Mutex
	carriers []*carrier // guarded by mu; in the order of their priority
}

// New returns a group that knows no trunk until Run is called.
func New(cfg Config) *Group {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Resolve == nil {
		cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &Group{cfg: cfg, log: cfg.Log}
}

// rereadTime is when a configuration that could not be read is asked for again.
const rereadTime = 5 * time.Second

// Run keeps the trunks registered and their state known, and follows every
// change of the configuration, until ctx ends; then it takes the registrations
// back and returns nil. A trunk that was not changed is not disturbed.
func (g *Group) Run(ctx context.Context) error {
	wake, cancel := g.cfg.Store.Configured()
	defer cancel()
	defer g.adopt(ctx, nil)
	for {
		var again <-chan time.Time
		if wanted, err := g.read(ctx); err == nil {
			g.adopt(ctx, wanted)
		} else if ctx.Err() == nil {
			g.log.Error("trunks not read", "err", err)
			again = time.After(rereadTime)
		}
		select {
		case <-wake:
		case <-again:
		case <-ctx.Done():
			return nil
		}
	}
}

// read returns the carriers as they are configured, none of them running.
func (g *Group) read(ctx context.Context) ([]*carrier, error) {
	trunks, err := g.cfg.Store.Trunks(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(trunks, func(a, b office.Trunk) int { return a.Priority - b.Priority })
	var carriers []*carrier
	for _, t := range trunks {
		secret, err := g.cfg.Store.TrunkSecret(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		carriers = append(carriers, newCarrier(t, secret, g.cfg.Now()))
	}
	return carriers, nil
}

// adopt makes wanted the carriers of the group: those that run as wanted go on, the
// others are ended, and waited for, before the new ones start.
func (g *Group) adopt(ctx context.Context, wanted []*carrier) {
	g.mu.Lock()
	old := map[*carrier]bool{}
	for _, c := range g.carriers {
		old[c] = true
	}
	var fresh []*carrier
	for i, w := range wanted {
		if at := slices.IndexFunc(g.carriers, w.same); at >= 0 {
			wanted[i] = g.carriers[at]
			delete(old, g.carriers[at])
			continue
		}
		fresh = append(fresh, w)
	}
	g.carriers = wanted
	g.mu.Unlock()
	for c := range maps.Keys(old) {
		c.stop()
	}
	for c := range maps.Keys(old) {
		<-c.done
		g.log.Info("trunk no longer in use", "trunk", c.trunk.Name)
	}
	for _, c := range fresh {
		g.log.Info("trunk in use", "trunk", c.trunk.Name)
		g.start(ctx, c)
	}
}
