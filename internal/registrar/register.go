package registrar

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A Contact is one Contact header field of a REGISTER.
type Contact struct {
	URI     string
	Expires time.Duration // 0 removes the binding; negative: none was asked for
}

// A Request is an authenticated REGISTER.
type Request struct {
	Username  string    // of the digest: names the device
	Contacts  []Contact // none: a question
	Star      bool      // "Contact: *": remove all bindings of this device
	CallID    string
	CSeq      uint32
	Source    netip.AddrPort
	Transport string // "udp", "tcp" or "tls"
}

// The errors of Register besides office.ErrNotFound (unknown device).
var (
	ErrTooMany    = errors.New("too many contacts")  // answer 403
	ErrOutOfOrder = errors.New("CSeq out of order")  // answer 500 (RFC 3261 §10.3, step 7)
	ErrBadContact = errors.New("contact not usable") // answer 400
)

// TooBrief is the error of an interval below Min (answer 423 with Min-Expires).
type TooBrief struct{ Min time.Duration }

func (e *TooBrief) Error() string { return "interval too brief" }

// Register applies r, all of it or none, and returns the device's bindings as
// the answer lists them. What it returns without error outlives a restart, over
// UDP; a registration that is merely repeated writes nothing. One over a
// connection, which does not outlive it anyway, holds also while the store
// cannot write: telephones work on with a full disk.
func (t *Table) Register(ctx context.Context, r Request, now time.Time) ([]Binding, error) {
	device, bound, w, err := t.apply(ctx, r, now)
	if err != nil {
		return nil, err
	}
	err = t.store.Rebind(ctx, w)
	if err != nil && len(w.Put)+len(w.Remove[device]) == 0 && ctx.Err() == nil && !errors.Is(err, office.ErrNotFound) {
		t.log.Warn("use of a device not noted", "device", device, "err", err)
		return bound, nil
	}
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.set(device, nil) // the phone will come again, and then it must be written
		return nil, fmt.Errorf("keeping bindings: %w", err)
	}
	return bound, nil
}

// apply applies r to the memory and says what is to be written.
func (t *Table) apply(ctx context.Context, r Request, now time.Time) (device office.ID, bound []Binding, w store.Rebinding, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(ctx); err != nil {
		return "", nil, w, err
	}
	id, ok := t.usernames[r.Username]
	if !ok {
		return "", nil, w, office.ErrNotFound
	}
	before := t.bindings[id]
	if err := t.check(r, live(before, now)); err != nil {
		return "", nil, w, err
	}
	w.Remove = map[office.ID][]string{}
	after := t.bind(t.devices[id], live(before, now), r, now)
	note(id, before, after, &w)
	t.set(id, after)
	t.sweep(now, &w)
	return id, slices.Clone(after), w, nil
}

// check returns the error of a request that must not be applied.
func (t *Table) check(r Request, bound []Binding) error {
	for _, b := range bound {
		if b.CallID == r.CallID && r.CSeq < b.CSeq {
			return ErrOutOfOrder
		}
	}
	adds := 0
	for _, c := range r.Contacts {
		switch {
		case !usable(c.URI):
			return ErrBadContact
		case c.Expires > 0 && c.Expires < minExpires:
			return &TooBrief{Min: minExpires}
		case c.Expires != 0:
			adds++
		}
	}
	if adds > maxContacts {
		return ErrTooMany
	}
	return nil
}

// usable reports whether a contact can be put into a Request-URI.
func usable(uri string) bool {
	scheme, rest, _ := strings.Cut(uri, ":")
	return (scheme == "sip" || scheme == "sips") && rest != "" && len(rest) <= 512 &&
		!strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>"`, r) })
}

// bind returns the bindings of device d after r, oldest first.
func (t *Table) bind(d store.Registrant, before []Binding, r Request, now time.Time) []Binding {
	if r.Star {
		return nil
	}
	after := slices.Clone(before)
	for _, c := range r.Contacts {
		b := Binding{
			Contact: c.URI, Source: r.Source, Transport: r.Transport, Device: d.Device, Account: d.Account, Extension: d.Extension,
			CallID: r.CallID, CSeq: r.CSeq, Interval: min(c.Expires, maxExpires), Seen: now,
		}
		if c.Expires < 0 {
			b.Interval = maxExpires
		}
		b.ExpiresAt = now.Add(b.Interval)
		after = slices.DeleteFunc(after, func(a Binding) bool { return a.Contact == b.Contact || a.left(&b) })
		if c.Expires != 0 {
			after = append(after, b)
		}
	}
	if over := len(after) - maxContacts; over > 0 {
		after = after[over:] // a phone that changed its address without a word
	}
	return after
}

// left reports whether the device behind a has since come over another
// connection: it is the same run of the same phone, by its Call-ID.
func (a *Binding) left(b *Binding) bool {
	return a.isConnection() && a.CallID == b.CallID && a.CSeq < b.CSeq && a.Source != b.Source
}

// note adds to w what of a device's change is to be written.
func note(id office.ID, before, after []Binding, w *store.Rebinding) {
	for i := range after {
		a := &after[i]
		switch {
		case slices.ContainsFunc(before, func(b Binding) bool { return a.same(&b) }): // nothing new
		case a.isConnection():
			w.Used = id
		default:
			w.Put = append(w.Put, store.Binding{
				Device: id, Contact: a.Contact, Source: a.Source.String(), Transport: a.Transport,
				CallID: a.CallID, CSeq: a.CSeq, Expires: a.Interval, CreatedAt: a.Seen,
			})
		}
	}
	for i := range before {
		b := &before[i]
		stays := slices.ContainsFunc(after, func(a Binding) bool { return a.Contact == b.Contact && !a.isConnection() })
		if !b.isConnection() && !stays {
			w.Remove[id] = append(w.Remove[id], b.Contact)
		}
	}
}

// sweepStep is how often expired bindings are looked for.
const sweepStep = time.Minute

// sweep drops what has expired. The caller holds mu.
func (t *Table) sweep(now time.Time, w *store.Rebinding) {
	if now.Sub(t.swept) < sweepStep {
		return
	}
	t.swept = now
	for id, bound := range t.bindings {
		if rest := live(bound, now); len(rest) < len(bound) {
			note(id, bound, rest, w)
			t.set(id, rest)
		}
	}
}
