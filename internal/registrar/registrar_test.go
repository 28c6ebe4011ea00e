package registrar

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A desk is a table over a store with the extensions 101 and 102, and the time.
type desk struct {
	*Table
	kept  *store.Store
	dir   string
	now   time.Time
	phone office.Device // of 101
	other office.Device // of 101, too
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{dir: t.TempDir(), now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	d.open(t)
	for _, n := range []office.Number{"101", "102"} {
		_, err := d.kept.AddExtension(t.Context(), office.Extension{Number: n}, "")
		must(t, err)
	}
	d.phone, d.other = d.device(t, "101", "dphone"), d.device(t, "101", "dother")
	t.Cleanup(func() { d.kept.Close() })
	return d
}

func (d *desk) open(t *testing.T) {
	t.Helper()
	var err error
	d.kept, err = store.Open(t.Context(), store.Config{Dir: d.dir, Now: func() time.Time { return d.now }})
	must(t, err)
	d.Table, err = Open(t.Context(), Config{Store: d.kept, Now: d.now})
	must(t, err)
}

func (d *desk) restart(t *testing.T) {
	t.Helper()
	must(t, d.kept.Close())
	d.open(t)
}

func (d *desk) device(t *testing.T, n office.Number, username string) office.Device {
	t.Helper()
	dev, err := d.kept.AddDevice(t.Context(), office.Device{Extension: n, Username: username}, store.Secret{MD5: username})
	must(t, err)
	return dev
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var here = netip.MustParseAddrPort("192.0.2.1:5060")

// udp returns a request of dphone with contacts that hold a minute.
func udp(cseq uint32, uris ...string) Request {
	r := Request{Username: "dphone", CallID: "run1", CSeq: cseq, Source: here, Transport: "udp"}
	for _, u := range uris {
		r.Contacts = append(r.Contacts, Contact{URI: u, Expires: time.Minute})
	}
	return r
}

func (d *desk) register(t *testing.T, r Request) {
	t.Helper()
	_, err := d.Register(t.Context(), r, d.now)
	must(t, err)
}

// ringing returns the contacts of 101, most recent first.
func (d *desk) ringing(t *testing.T) string {
	t.Helper()
	return uris(d.Contacts(t.Context(), "101", d.now))
}

func uris(bound []Binding) string {
	var s []string
	for _, b := range bound {
		s = append(s, strings.TrimPrefix(b.Contact, "sip:"))
	}
	return strings.Join(s, " ")
}

func TestRegister(t *testing.T) {
	d := newDesk(t)
	if got := d.ringing(t); got != "" {
		t.Fatalf("nobody registered, %s rings", got)
	}
	bound, err := d.Register(t.Context(), udp(1, "sip:a"), d.now)
	must(t, err)
	b := bound[0]
	if len(bound) != 1 || b.Contact != "sip:a" || b.Source != here || b.Transport != "udp" || b.Device.ID != d.phone.ID || b.Extension != "101" ||
		b.Account == "" || !b.ExpiresAt.Equal(d.now.Add(time.Minute)) || !b.Seen.Equal(d.now) {
		t.Fatalf("got %+v", bound)
	}
	d.now = d.now.Add(time.Second)
	d.register(t, Request{Username: "dother", CallID: "x", CSeq: 9, Source: here, Transport: "tls", Contacts: []Contact{{URI: "sip:b", Expires: -1}}})
	if got := d.ringing(t); got != "b a" {
		t.Fatalf("%s rings, want the most recent first", got)
	}
	if got := d.Registered(d.now); len(got) != 2 || !slices.Contains(got, d.phone.ID) {
		t.Fatalf("registered: %v", got)
	}
	bound, err = d.Register(t.Context(), udp(2), d.now) // a question
	if err != nil || uris(bound) != "a" {
		t.Fatalf("got %v, %v", bound, err)
	}
	d.now = d.now.Add(59 * time.Second)
	if got := d.ringing(t); got != "b" {
		t.Fatalf("%s rings after the first expired", got)
	}
	d.now = d.now.Add(time.Hour) // what none was asked for holds an hour
	if got, n := d.ringing(t), d.Registered(d.now); got != "" || len(n) != 0 {
		t.Fatalf("%s rings after all expired, registered: %v", got, n)
	}
}

func TestRegisterRefuses(t *testing.T) {
	d := newDesk(t)
	d.register(t, udp(5, "sip:a"))
	contact := func(uri string, expires time.Duration) Request {
		r := udp(6)
		r.Contacts = []Contact{{URI: "sip:fine", Expires: time.Minute}, {URI: uri, Expires: expires}}
		return r
	}
	stranger := udp(1, "sip:x")
	stranger.Username = "101"
	for _, c := range []struct {
		what string
		r    Request
		want error
	}{
		{"an unknown device", stranger, office.ErrNotFound},
		{"an older request", udp(4, "sip:b"), ErrOutOfOrder},
		{"an older removal", Request{Username: "dphone", CallID: "run1", CSeq: 4, Star: true}, ErrOutOfOrder},
		{"another scheme", contact("tel:101", time.Minute), ErrBadContact},
		{"no host", contact("sip:", time.Minute), ErrBadContact},
		{"a header in the URI", contact("sip:a\r\nX: y", time.Minute), ErrBadContact},
		{"two in one", contact("sip:a>, <sip:b", time.Minute), ErrBadContact},
		{"an endless one", contact("sip:"+strings.Repeat("a", 600), time.Minute), ErrBadContact},
		{"five at once", udp(6, "sip:1", "sip:2", "sip:3", "sip:4", "sip:5"), ErrTooMany},
	} {
		if _, err := d.Register(t.Context(), c.r, d.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	var brief *TooBrief
	if _, err := d.Register(t.Context(), contact("sip:b", 59*time.Second), d.now); !errors.As(err, &brief) || brief.Min != time.Minute {
		t.Errorf("a brief interval: %v", err)
	}
	if got := d.ringing(t); got != "a" {
		t.Fatalf("%s rings: a refused request changed something", got)
	}
	d.register(t, contact("sip:b", 24*time.Hour)) // shortened
	for _, b := range d.Contacts(t.Context(), "101", d.now) {
		if b.ExpiresAt.After(d.now.Add(time.Hour)) {
			t.Errorf("%s holds until %s", b.Contact, b.ExpiresAt)
		}
	}
}

func TestRemoval(t *testing.T) {
	d := newDesk(t)
	d.register(t, Request{Username: "dother", CallID: "x", CSeq: 1, Source: here, Transport: "udp", Contacts: []Contact{{URI: "sip:other", Expires: time.Minute}}})
	d.register(t, udp(1, "sip:a", "sip:b", "sip:c"))
	r := udp(2)
	r.Contacts = []Contact{{URI: "sip:b"}, {URI: "sip:unknown"}}
	d.register(t, r)
	if got := d.ringing(t); got != "a c other" && got != "other a c" {
		t.Fatalf("%s rings", got)
	}
	r = udp(3)
	r.Star = true
	d.register(t, r)
	if got := d.ringing(t); got != "other" {
		t.Fatalf("%s rings: a star is for one device", got)
	}
	d.restart(t)
	if got := d.ringing(t); got != "other" {
		t.Fatalf("%s rings after a restart", got)
	}
}

func TestForgottenContactsMakeRoom(t *testing.T) {
	d := newDesk(t)
	for i := range 7 { // a phone that comes back under another address, again and again
		d.now = d.now.Add(time.Second)
		r := udp(1, fmt.Sprintf("sip:%d", i))
		r.CallID = fmt.Sprint("run", i)
		d.register(t, r)
	}
	if got := d.ringing(t); got != "6 5 4 3" {
		t.Fatalf("%s rings", got)
	}
	d.restart(t)
	if got := d.ringing(t); got != "6 5 4 3" {
		t.Fatalf("%s rings after a restart", got)
	}
}

func TestRepeatedRegistrationWritesNothing(t *testing.T) {
	d := newDesk(t)
	d.register(t, udp(1, "sip:a"))
	before, err := d.kept.Bindings(t.Context())
	must(t, err)
	d.now = d.now.Add(30 * time.Second)
	d.register(t, udp(2, "sip:a"))
	after, err := d.kept.Bindings(t.Context())
	if err != nil || len(after) != 1 || after[0] != before[0] {
		t.Fatalf("got %+v, %v; want %+v", after, err, before)
	}
	d.now = d.now.Add(31 * time.Second)
	if got := d.ringing(t); got != "a" {
		t.Fatal("the repetition did not count")
	}
	r := udp(3, "sip:a")
	r.Source = netip.MustParseAddrPort("192.0.2.1:6000") // behind a NAT that forgot
	d.register(t, r)
	after, err = d.kept.Bindings(t.Context())
	if err != nil || len(after) != 1 || after[0].Source != "192.0.2.1:6000" {
		t.Fatalf("got %+v, %v", after, err)
	}
}

func TestRestart(t *testing.T) {
	d := newDesk(t)
	r := udp(7, "sip:a")
	r.Contacts[0].Expires = 10 * time.Minute
	d.register(t, r)
	tls := Request{Username: "dother", CallID: "x", CSeq: 1, Source: here, Transport: "tls", Contacts: []Contact{{URI: "sip:b", Expires: time.Hour}}}
	d.register(t, tls)
	d.now = d.now.Add(9 * time.Minute)
	r.CSeq = 8
	d.register(t, r) // holds until 19 minutes, which is not written
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, d.kept.Run(ctx)) // notes the time as it ends
	d.now = d.now.Add(5 * time.Minute)
	d.restart(t)
	if got := d.ringing(t); got != "a" {
		t.Fatalf("%q rings after a restart, want what came over UDP", got)
	}
	if _, err := d.Register(t.Context(), udp(3, "sip:a"), d.now); !errors.Is(err, ErrOutOfOrder) {
		t.Fatalf("the order was forgotten: %v", err)
	}
	d.now = d.now.Add(6 * time.Minute)
	d.restart(t)
	if got := d.ringing(t); got != "" {
		t.Fatalf("%q rings longer than the server was away", got)
	}
	if kept, err := d.kept.Bindings(t.Context()); err != nil || len(kept) != 0 {
		t.Fatalf("got %+v, %v", kept, err)
	}
}

func TestConnections(t *testing.T) {
	d := newDesk(t)
	over := func(transport, source, callID string, cseq uint32, uri string) {
		t.Helper()
		d.register(t, Request{
			Username: "dphone", CallID: callID, CSeq: cseq, Source: netip.MustParseAddrPort(source), Transport: transport,
			Contacts: []Contact{{URI: uri, Expires: time.Hour}},
		})
		d.now = d.now.Add(time.Second)
	}
	over("tls", "192.0.2.1:40001", "run1", 1, "sip:a")
	over("tls", "192.0.2.1:40002", "run1", 2, "sip:b") // the same phone, connected again
	if got := d.ringing(t); got != "b" {
		t.Fatalf("%s rings, want only the new connection", got)
	}
	over("tcp", "192.0.2.1:40002", "run2", 1, "sip:c")
	over("udp", "192.0.2.1:40002", "run3", 1, "sip:d")
	d.Disconnected("tls", netip.MustParseAddrPort("192.0.2.1:40001"))
	d.Disconnected("udp", netip.MustParseAddrPort("192.0.2.1:40002")) // there is no such thing
	if got := d.ringing(t); got != "d c b" {
		t.Fatalf("%s rings", got)
	}
	d.Disconnected("tls", netip.MustParseAddrPort("192.0.2.1:40002"))
	if got := d.ringing(t); got != "d c" {
		t.Fatalf("%s rings after the connection is gone", got)
	}
	all, err := d.kept.Devices(t.Context(), "101")
	must(t, err)
	if all[0].LastUsed.IsZero() && all[1].LastUsed.IsZero() {
		t.Error("no device was used")
	}
}

func TestRemovedDeviceRingsNoMore(t *testing.T) {
	d := newDesk(t)
	d.register(t, udp(1, "sip:a"))
	late := d.device(t, "102", "dlate") // known without a restart
	if dev, account, ok := d.Device(t.Context(), "dlate"); !ok || dev != late || account == "" {
		t.Fatalf("got %+v, %s, %t", dev, account, ok)
	}
	if got := d.ringing(t); got != "a" {
		t.Fatalf("%q rings after a device was added", got)
	}
	must(t, d.kept.RemoveDevice(t.Context(), d.phone.ID))
	if got := d.ringing(t); got != "" {
		t.Fatalf("%s rings after its device was removed", got)
	}
	if _, _, ok := d.Device(t.Context(), "dphone"); ok {
		t.Error("a removed device is known")
	}
	if _, err := d.Register(t.Context(), udp(2, "sip:a"), d.now); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
}

func TestNewSecretEndsBindings(t *testing.T) {
	d := newDesk(t)
	s, err := d.kept.AddSession(t.Context(), store.NewSession{Device: office.Device{Extension: "101", Username: "dsession"}, Token: "t", ExpiresAt: d.now.Add(time.Hour)})
	must(t, err)
	d.register(t, Request{Username: "dsession", CallID: "x", CSeq: 1, Source: here, Transport: "tls", Contacts: []Contact{{URI: "sip:a", Expires: time.Hour}}})
	must(t, d.kept.RotateSession(t.Context(), s.ID, 1, store.Secret{MD5: "new"}))
	if got := d.ringing(t); got != "" {
		t.Fatalf("%s rings with the old secret", got)
	}
}

func TestFailedWriteIsNoRegistration(t *testing.T) {
	d := newDesk(t)
	d.register(t, udp(1, "sip:a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Register(ctx, udp(2, "sip:b"), d.now); err == nil {
		t.Fatal("acknowledged what was not written")
	}
	d.register(t, udp(3, "sip:b"))
	d.restart(t)
	if got := d.ringing(t); !strings.Contains(got, "b") {
		t.Fatalf("%q rings after a restart", got)
	}
}

// A full disk or a database that is away must not silence the telephones.
func TestConnectionsRegisterWithoutTheDisk(t *testing.T) {
	d := newDesk(t)
	d.register(t, udp(1, "sip:desk"))
	must(t, d.kept.Close())
	tls := Request{Username: "dother", CallID: "x", CSeq: 1, Source: here, Transport: "tls", Contacts: []Contact{{URI: "sip:app", Expires: time.Hour}}}
	d.register(t, tls)
	if got := d.ringing(t); !strings.Contains(got, "app") {
		t.Errorf("%q rings", got)
	}
	if _, err := d.Register(t.Context(), udp(2, "sip:moved"), d.now); err == nil {
		t.Error("acknowledged a binding that must outlive a restart and was not written")
	}
	if _, err := d.Register(t.Context(), udp(3), d.now); err != nil {
		t.Errorf("a question needs no disk: %v", err)
	}
	d.open(t)
}

func TestExpiredBindingsAreRemoved(t *testing.T) {
	d := newDesk(t)
	d.register(t, udp(1, "sip:a"))
	d.now = d.now.Add(2 * time.Minute)
	d.register(t, Request{Username: "dother", CallID: "x", CSeq: 1, Source: here, Transport: "udp", Contacts: []Contact{{URI: "sip:b", Expires: time.Hour}}})
	if kept, err := d.kept.Bindings(t.Context()); err != nil || len(kept) != 1 || kept[0].Contact != "sip:b" {
		t.Fatalf("got %+v, %v", kept, err)
	}
}

func TestManyPhonesAtOnce(t *testing.T) {
	d := newDesk(t)
	var wg sync.WaitGroup
	for i := range 20 {
		username := fmt.Sprint("dmany", i)
		d.device(t, "102", username)
		wg.Go(func() {
			source := netip.AddrPortFrom(here.Addr(), uint16(1000+i))
			for n := range 10 {
				r := Request{
					Username: username, CallID: "x", CSeq: uint32(n), Source: source, Transport: []string{"udp", "tls"}[i%2],
					Contacts: []Contact{{URI: "sip:" + username, Expires: time.Hour}},
				}
				if _, err := d.Register(t.Context(), r, d.now); err != nil {
					t.Error(err)
				}
				d.Contacts(t.Context(), "102", d.now)
				d.Registered(d.now)
			}
			if i%4 == 1 {
				d.Disconnected("tls", source)
			}
		})
	}
	wg.Wait()
	if n := len(d.Registered(d.now)); n != 15 {
		t.Fatalf("%d registered, want 20 without the 5 that hung up", n)
	}
	if kept, err := d.kept.Bindings(t.Context()); err != nil || len(kept) != 10 {
		t.Fatalf("%d kept, %v", len(kept), err)
	}
}

// BenchmarkRegister shows what a registration costs beside the digest: one
// that is repeated, and one from a new address, which is written.
func BenchmarkRegister(b *testing.B) {
	for _, fresh := range []bool{false, true} {
		b.Run(fmt.Sprintf("fresh=%t", fresh), func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			s.AddExtension(b.Context(), office.Extension{Number: "101"}, "")
			for i := range 100 {
				s.AddDevice(b.Context(), office.Device{Extension: "101", Username: fmt.Sprint("d", i)}, store.Secret{})
			}
			table, err := Open(b.Context(), Config{Store: s, Now: time.Now()})
			if err != nil {
				b.Fatal(err)
			}
			n := make(chan int)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			go func() {
				for i := 0; ; i++ {
					select {
					case n <- i:
					case <-ctx.Done():
						return
					}
				}
			}()
			b.SetParallelism(16)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					i := <-n
					r := Request{Username: fmt.Sprint("d", i%100), CallID: "x", CSeq: 1, Source: here, Transport: "udp", Contacts: []Contact{{URI: "sip:a", Expires: time.Hour}}}
					if fresh {
						r.CallID = fmt.Sprint(i)
					}
					if _, err := table.Register(b.Context(), r, time.Now()); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// FuzzContact: what is usable can stand in a request line as it is.
func FuzzContact(f *testing.F) {
	for _, seed := range []string{"sip:a@192.0.2.1:5060;transport=tls", "sips:b", "sip:", "sip:a b", "sip:a\r\nVia: x", "sip:<a>", "tel:101", "sip:\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !usable(uri) {
			return
		}
		line := strings.Fields("INVITE " + uri + " SIP/2.0")
		if len(line) != 3 || line[1] != uri || len(uri) > 600 || strings.ContainsAny(uri, "<>\"\x00") {
			t.Errorf("%q is usable", uri)
		}
	})
}
