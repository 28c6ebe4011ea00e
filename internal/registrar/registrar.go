// Package registrar remembers where each extension can be reached: the bindings
// that its devices make with REGISTER (RFC 3261 §10). It owns the rules on
// intervals, order and number of contacts. It neither reads nor answers SIP and
// checks no password; pbx calls it with requests that the digest has proved, and
// asks it for contacts when a call is to ring.
package registrar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// Config says what a Table needs.
type Config struct {
	Store *store.Store
	Log   *slog.Logger // nil: nothing is logged
	Now   time.Time    // when the table is opened
}

// Limits of what a device may ask for.
const (
	minExpires  = time.Minute // shorter intervals are refused with TooBrief
	maxExpires  = time.Hour   // longer ones are shortened
	maxContacts = 4           // of one device; one more drops the one that is silent longest
)

// A Table remembers where each extension can be reached. It is safe for
// concurrent use; it starts no goroutine. Bindings over UDP outlive a restart;
// one over TCP or TLS ends with its connection.
type Table struct {
	store *store.Store
	log   *slog.Logger

	mu         sync.Mutex
	generation uint64                         // guarded by mu; of devices
	devices    map[office.ID]store.Registrant // guarded by mu
	usernames  map[string]office.ID           // guarded by mu
	extensions map[office.Number][]office.ID  // guarded by mu; the devices of each
	bindings   map[office.ID][]Binding        // guarded by mu; by device, never empty
	swept      time.Time                      // guarded by mu
}

// A Binding is an address at which a device rings.
type Binding struct {
	Contact   string // the URI that the device gave, verbatim
	Source    netip.AddrPort
	Transport string
	Device    office.Device
	Account   office.ID
	Extension office.Number
	CallID    string
	CSeq      uint32
	Interval  time.Duration // how long each registration holds
	Seen      time.Time
	ExpiresAt time.Time
}

// Open returns a Table with the bindings that outlived a restart: those over
// UDP that can still hold, given when a server last ran.
func Open(ctx context.Context, cfg Config) (*Table, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Table{store: cfg.Store, log: cfg.Log, bindings: map[office.ID][]Binding{}, swept: cfg.Now}
	if err := t.load(ctx); err != nil {
		return nil, err
	}
	return t, t.restore(ctx, cfg.Now)
}

// load reads the devices. The caller holds mu or is Open.
func (t *Table) load(ctx context.Context) error {
	generation := t.store.Generation()
	devices, err := t.store.Registrants(ctx)
	if err != nil {
		return fmt.Errorf("reading devices: %w", err)
	}
	for id := range t.bindings { // gone, or with a new secret
		if now, ok := devices[id]; !ok || now.Secret != t.devices[id].Secret {
			delete(t.bindings, id)
		}
	}
	t.generation, t.devices = generation, devices
	t.usernames = make(map[string]office.ID, len(devices))
	t.extensions = map[office.Number][]office.ID{}
	for id, d := range devices {
		t.usernames[d.Username] = id
		t.extensions[d.Extension] = append(t.extensions[d.Extension], id)
	}
	return nil
}

// refresh reads the devices again if any changed. The caller holds mu.
func (t *Table) refresh(ctx context.Context) error {
	if t.devices != nil && t.generation == t.store.Generation() {
		return nil
	}
	return t.load(ctx)
}

// restore reads the bindings that were kept. As an unchanged registration is not
// written again, how long one holds counts from when a server last ran.
func (t *Table) restore(ctx context.Context, now time.Time) error {
	alive := t.store.Alive()
	kept, err := t.store.Bindings(ctx)
	if err != nil {
		return fmt.Errorf("reading bindings: %w", err)
	}
	stale := map[office.ID][]string{}
	for _, k := range kept {
		seen := k.CreatedAt
		if alive.After(seen) {
			seen = alive
		}
		source, err := netip.ParseAddrPort(k.Source)
		d, ok := t.devices[k.Device]
		if err != nil || !ok || !seen.Add(k.Expires).After(now) {
			stale[k.Device] = append(stale[k.Device], k.Contact)
			continue
		}
		t.bindings[k.Device] = append(t.bindings[k.Device], Binding{
			Contact: k.Contact, Source: source, Transport: k.Transport, Device: d.Device, Account: d.Account, Extension: d.Extension,
			CallID: k.CallID, CSeq: k.CSeq, Interval: k.Expires, Seen: k.CreatedAt, ExpiresAt: seen.Add(k.Expires),
		})
	}
	if err := t.store.Rebind(ctx, store.Rebinding{Remove: stale}); err != nil {
		return fmt.Errorf("removing expired bindings: %w", err)
	}
	return nil
}

// Device returns the device that registers as username, with its account. ok is
// false if there is none.
func (t *Table) Device(ctx context.Context, username string) (d office.Device, account office.ID, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refreshOrLog(ctx)
	id, ok := t.usernames[username]
	r := t.devices[id]
	return r.Device, r.Account, ok
}

// Contacts returns the addresses at which ext can be rung now, most recent
// first. An extension that is not registered has none, which is no error.
func (t *Table) Contacts(ctx context.Context, ext office.Number, now time.Time) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refreshOrLog(ctx)
	var out []Binding
	for _, id := range t.extensions[ext] {
		out = append(out, live(t.bindings[id], now)...)
	}
	slices.SortStableFunc(out, func(a, b Binding) int { return b.Seen.Compare(a.Seen) })
	return out
}

// Registered returns the devices that can be reached now, in no order.
func (t *Table) Registered(now time.Time) []office.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refreshOrLog(context.Background())
	var out []office.ID
	for id, bound := range t.bindings {
		if len(live(bound, now)) > 0 {
			out = append(out, id)
		}
	}
	return out
}

// Disconnected drops the bindings that came over a connection from source.
func (t *Table) Disconnected(transport string, source netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, bound := range t.bindings {
		t.set(id, slices.DeleteFunc(bound, func(b Binding) bool {
			return b.isConnection() && b.Transport == transport && b.Source == source
		}))
	}
}

// refreshOrLog goes on with what is known where the store does not answer.
func (t *Table) refreshOrLog(ctx context.Context) {
	if err := t.refresh(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.log.Error("reading devices", "err", err)
	}
}

// set replaces the bindings of a device. The caller holds mu.
func (t *Table) set(device office.ID, bound []Binding) {
	if len(bound) == 0 {
		delete(t.bindings, device)
		return
	}
	t.bindings[device] = bound
}

// live returns a copy of the bindings that hold now.
func live(bound []Binding, now time.Time) []Binding {
	var out []Binding
	for _, b := range bound {
		if b.ExpiresAt.After(now) {
			out = append(out, b)
		}
	}
	return out
}

// isConnection reports whether b lives no longer than its connection.
func (b *Binding) isConnection() bool { return b.Transport != "udp" }

// same reports whether b says nothing that a kept c does not, but time.
func (b *Binding) same(c *Binding) bool {
	return b.Contact == c.Contact && b.Source == c.Source && b.Transport == c.Transport && b.CallID == c.CallID && b.Interval == c.Interval
}
