package auth

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

const (
	company  = office.Number("+525555550100")
	password = "correct horse"
)

var (
	home   = netip.MustParseAddr("192.0.2.1")
	hotel  = netip.MustParseAddr("198.51.100.7")
	nearby = netip.MustParseAddr("2001:db8::1")
)

// A door is a Gate with a clock that stands still until it is set.
type door struct {
	*Gate
	now time.Time
}

// newDoor returns the gate of an office with the extensions 101 and 102.
func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Now: clock})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	must(t, s.SetCompany(t.Context(), office.Company{Number: company, Name: "Ejemplo", Region: "MX"}))
	d.Gate = New(Config{Store: s, Now: clock, Domain: "office.example", URIs: []string{"sips:office.example:5061"}})
	for _, n := range []office.Number{"101", "102"} {
		_, err := s.AddExtension(t.Context(), office.Extension{Number: n, Name: "Ana"}, hashed())
		must(t, err)
	}
	return d
}

// hashed is the hash of password, made once: it costs time.
var hashed = sync.OnceValue(func() string { return hashPassword(password) })

func (d *door) login(t *testing.T, ext office.Number, from netip.Addr) LoginResult {
	t.Helper()
	r, err := d.Login(t.Context(), company, ext, password, "laptop", from)
	must(t, err)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLogin(t *testing.T) {
	d := newDoor(t)
	for _, c := range []struct {
		what         string
		company, ext office.Number
		password     string
		want         error
	}{
		{"right", company, "101", password, nil},
		{"company as people type it", "55 5555 0100", "101", password, nil},
		{"wrong password", company, "101", "correct horsE", office.ErrLogin},
		{"no password", company, "101", "", office.ErrLogin},
		{"a password longer than any", company, "101", strings.Repeat("x", 1<<20), office.ErrLogin},
		{"unknown extension", company, "199", password, office.ErrLogin},
		{"no extension", company, "", password, office.ErrLogin},
		{"not an extension", company, "101' OR 1=1 --", password, office.ErrLogin},
		{"unknown company", "+525555550199", "101", password, office.ErrLogin},
		{"not a company", "x", "101", password, office.ErrLogin},
		{"no company", "", "101", password, office.ErrLogin},
	} {
		r, err := d.Login(t.Context(), c.company, c.ext, c.password, "laptop", hotel)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if err != nil && r.Token != "" {
			t.Errorf("%s: a token came with the error", c.what)
		}
	}
	r := d.login(t, "102", home)
	if r.Extension.Number != "102" || r.Session.Account != r.Extension.Account || !r.Session.Device.Session || r.Session.Device.Name != "laptop" ||
		!r.Session.ExpiresAt.Equal(d.now.Add(90*24*time.Hour)) || r.Session.Address != "192.0.2.1" {
		t.Fatalf("got %+v", r)
	}
	if r.SIP.Domain != "office.example" || len(r.SIP.URIs) != 1 || !strings.HasPrefix(r.SIP.Username, "d") || len(r.SIP.Username) != 10 || len(r.SIP.Password) < 24 {
		t.Fatalf("got %+v", r.SIP)
	}
}

func TestLoginWithoutCompany(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	must(t, err)
	defer s.Close()
	if _, err := New(Config{Store: s}).Login(t.Context(), "", "", "", "", home); !errors.Is(err, office.ErrLogin) {
		t.Fatalf("got %v", err)
	}
}

func TestWrongLoginsTakeTheSameWork(t *testing.T) {
	// Timing is not for a test. That each is checked against a hash of the same cost is.
	d := newDoor(t)
	for _, who := range []struct{ company, ext office.Number }{{company, "101"}, {company, "199"}, {"+525555550199", "101"}, {"", ""}} {
		_, _, hash, err := d.find(t.Context(), who.company, who.ext)
		if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || len(hash) != len(nobody) {
			t.Errorf("%v is checked against %q, %v", who, hash, err)
		}
	}
	if checkPassword(nobody, "") || checkPassword(nobody, password) {
		t.Error("somebody has the password of nobody")
	}
}

func TestGuessingIsSlowed(t *testing.T) {
	d := newDoor(t)
	guess := func(ext office.Number, from netip.Addr) error {
		_, err := d.Login(t.Context(), company, ext, "wrong password", "", from)
		return err
	}
	for i := range 6 {
		if err := guess("101", hotel); !errors.Is(err, office.ErrLogin) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	var wait *TooMany
	if _, err := d.Login(t.Context(), company, "101", password, "", hotel); !errors.As(err, &wait) || wait.RetryAfter != time.Second {
		t.Fatalf("the right password, right after: %v", err)
	}
	if !errors.Is(error(wait), office.ErrTooMany) {
		t.Fatal("a TooMany is not an ErrTooMany")
	}
	d.login(t, "101", nearby) // from elsewhere
	d.login(t, "102", hotel)  // others were never held up
	d.now = d.now.Add(time.Second)
	d.login(t, "101", hotel) // the wait is over
	for range 30 {           // all over the office, from one address
		d.fail(visitor{login{company, "199"}, source(netip.MustParseAddr("2001:db8:1::5"))}, false)
	}
	if _, err := d.Login(t.Context(), company, "102", password, "", netip.MustParseAddr("2001:db8:1::6")); !errors.Is(err, office.ErrTooMany) {
		t.Fatalf("another address of the same customer: %v", err)
	}
	d.now = d.now.Add(2 * time.Hour)
	for range 2 { // all is forgotten
		if err := guess("199", netip.MustParseAddr("2001:db8:1::5")); !errors.Is(err, office.ErrLogin) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestNobodyLocksOutSomebodyElse(t *testing.T) {
	d := newDoor(t)
	first := d.login(t, "101", home)
	guess := visitor{login{company, "101"}, source(hotel)}
	for range 50 {
		d.fail(guess, false)
	}
	if _, err := d.Login(t.Context(), company, "101", password, "", hotel); !errors.Is(err, office.ErrTooMany) {
		t.Fatalf("the guesser may go on: %v", err)
	}
	d.login(t, "101", home)
	if _, err := d.Session(t.Context(), first.Token); err != nil {
		t.Fatalf("a session does not care: %v", err)
	}
	d.Gate = New(d.cfg) // a restart: sessions remember who has been in
	for range 50 {
		d.fail(guess, false)
	}
	d.login(t, "101", home)
}

func TestQueueIsBounded(t *testing.T) {
	h := newHasher()
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	hold := func() error { inside <- struct{}{}; <-leave; return nil }
	wg.Go(func() { h.do(t.Context(), strangers, netip.Prefix{}, hold) })
	<-inside
	for range maxQueue {
		h.places[strangers] <- struct{}{} // as one who waits
	}
	var wait *TooMany
	if err := h.do(t.Context(), strangers, netip.Prefix{}, func() error { return nil }); !errors.As(err, &wait) || wait.RetryAfter <= 0 {
		t.Fatalf("the queue has no end: %v", err)
	}
	wg.Go(func() {
		if err := h.do(t.Context(), friends, netip.Prefix{}, func() error { return nil }); err != nil {
			t.Errorf("strangers filled the lane of friends: %v", err)
		}
	})
	leave <- struct{}{}
	wg.Wait()
}

func TestSession(t *testing.T) {
	d := newDoor(t)
	r := d.login(t, "101", home)
	for _, token := range []string{"", "x", r.Token + "x", hashToken(r.Token), strings.Repeat("x", 1<<16)} {
		if _, err := d.Session(t.Context(), token); !errors.Is(err, office.ErrSession) {
			t.Errorf("token %.20q: %v", token, err)
		}
	}
	d.now = d.now.Add(time.Minute)
	if s, err := d.Session(t.Context(), r.Token); err != nil || s.ID != r.Session.ID || !s.LastUsed.Equal(r.Session.LastUsed) {
		t.Fatalf("a use within minutes was written: %+v, %v", s, err)
	}
	d.now = d.now.Add(89 * 24 * time.Hour)
	_, err := d.Session(t.Context(), r.Token)
	must(t, err)
	d.now = d.now.Add(89 * 24 * time.Hour)
	if s, err := d.Session(t.Context(), r.Token); err != nil || !s.ExpiresAt.Equal(d.now.Add(idleTime)) {
		t.Fatalf("use does not put the end off: %+v, %v", s, err)
	}
	d.now = d.now.Add(90 * 24 * time.Hour)
	if _, err := d.Session(t.Context(), r.Token); !errors.Is(err, office.ErrSession) {
		t.Fatalf("an idle session: %v", err)
	}
}

func TestLogoutEndsTheDevice(t *testing.T) {
	d := newDoor(t)
	a, b, c := d.login(t, "101", home), d.login(t, "101", home), d.login(t, "102", home)
	if _, err := d.HA1(t.Context(), a.SIP.Username, true); err != nil {
		t.Fatal("a session has no phone")
	}
	if all, err := d.Sessions(t.Context(), a.Session.Account); len(all) != 2 || err != nil {
		t.Fatalf("got %v, %v", all, err)
	}
	must(t, d.Logout(t.Context(), a.Token))
	if err := d.EndSession(t.Context(), a.Session.Account, c.Session.ID); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("ended somebody else's session: %v", err)
	}
	must(t, d.EndSession(t.Context(), b.Session.Account, b.Session.ID))
	for _, r := range []LoginResult{a, b} {
		if _, err := d.HA1(t.Context(), r.SIP.Username, true); !errors.Is(err, office.ErrNotFound) {
			t.Error("the phone outlived its session")
		}
		if err := d.Logout(t.Context(), r.Token); !errors.Is(err, office.ErrSession) {
			t.Errorf("logged out twice: %v", err)
		}
	}
}

func TestSIPSecretOfASession(t *testing.T) {
	d := newDoor(t)
	r := d.login(t, "101", home)
	check := func(a office.SIPAccount) {
		t.Helper()
		sum := md5.Sum([]byte(a.Username + ":timbre:" + a.Password))
		if ha1, err := d.HA1(t.Context(), a.Username, false); err != nil || ha1 != hex.EncodeToString(sum[:]) {
			t.Errorf("H(A1) is %q, %v", ha1, err)
		}
		if ha1, err := d.HA1(t.Context(), a.Username, true); err != nil || len(ha1) != 64 {
			t.Errorf("H(A1) by SHA-256 is %q, %v", ha1, err)
		}
	}
	check(r.SIP)
	again, err := d.SIP(t.Context(), r.Token)
	if err != nil || again.Password != r.SIP.Password || again.Username != r.SIP.Username {
		t.Fatalf("told again: %+v, %v", again, err)
	}
	fresh, err := d.RotateSIP(t.Context(), r.Token)
	if err != nil || fresh.Password == r.SIP.Password || fresh.Username != r.SIP.Username {
		t.Fatalf("rotated: %+v, %v", fresh, err)
	}
	check(fresh) // the cache knows the new one
	if again, err = d.SIP(t.Context(), r.Token); err != nil || again.Password != fresh.Password {
		t.Fatalf("told after the rotation: %+v, %v", again, err)
	}
	for what, call := range map[string]func() error{
		"SIP":       func() error { _, err := d.SIP(t.Context(), "x"); return err },
		"RotateSIP": func() error { _, err := d.RotateSIP(t.Context(), "x"); return err },
	} {
		if err := call(); !errors.Is(err, office.ErrSession) {
			t.Errorf("%s without a session: %v", what, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	d := newDoor(t)
	ctx := t.Context()
	r := d.login(t, "101", home)
	for _, bad := range []string{"", "short", "        ", strings.Repeat("x", office.MaxPassword+1)} {
		if err := d.SetPassword(ctx, "101", bad); !errors.Is(err, office.ErrPassword) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if _, err := d.Session(ctx, r.Token); err != nil {
		t.Errorf("a refused password ended a session: %v", err)
	}
	must(t, d.SetPassword(ctx, "101", "new password"))
	if _, err := d.Session(ctx, r.Token); !errors.Is(err, office.ErrSession) {
		t.Errorf("a session outlived its password: %v", err)
	}
	if _, err := d.Login(ctx, company, "101", password, "", home); !errors.Is(err, office.ErrLogin) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := d.Login(ctx, company, "101", "new password", "", home); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := d.SetPassword(ctx, "199", password); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("unknown extension: %v", err)
	}
}

func TestOneTimePassword(t *testing.T) {
	d := newDoor(t)
	e, made, err := d.AddExtension(t.Context(), office.Extension{Number: "103", Name: "Carla"}, "")
	if err != nil || office.CheckPassword(made) != nil || made == NewPassword() {
		t.Fatalf("made %q, %v", made, err)
	}
	if r, err := d.Login(t.Context(), company, "103", made, "", home); err != nil || r.Session.Account != e.Account {
		t.Fatalf("got %+v, %v", r, err)
	}
	if _, made, err := d.AddExtension(t.Context(), office.Extension{Number: "105"}, password); made != "" || err != nil {
		t.Fatalf("made %q beside a chosen password, %v", made, err)
	}
	if _, _, err := d.AddExtension(t.Context(), office.Extension{Number: "103"}, ""); !errors.Is(err, office.ErrExists) {
		t.Fatalf("added twice: %v", err)
	}
	if _, _, err := d.AddExtension(t.Context(), office.Extension{Number: "104"}, "short"); !errors.Is(err, office.ErrPassword) {
		t.Fatalf("a short password: %v", err)
	}
}

func TestStrangeHashesAreOfNoPassword(t *testing.T) {
	good := hashPassword("x")
	if !checkPassword(good, "x") || checkPassword(good, "y") {
		t.Fatal("a hash does not know its password")
	}
	for _, h := range []string{
		"", "hash", "$argon2id$", strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=19456", "m=99999999", 1),
		strings.Replace(good, "t=2", "t=0", 1), good + "$", good[:len(good)-40], strings.Replace(good, "p=1$", "p=1$!", 1),
	} {
		if checkPassword(h, "x") {
			t.Errorf("%q is taken", h)
		}
	}
}

func TestDevices(t *testing.T) {
	d := newDoor(t)
	desk, account, err := d.AddDevice(t.Context(), "101", "desk")
	must(t, err)
	if desk.Username != account.Username || desk.Session || account.Domain != "office.example" || len(account.Password) != 24 {
		t.Fatalf("got %+v, %+v", desk, account)
	}
	sum := md5.Sum([]byte(account.Username + ":timbre:" + account.Password))
	for range 2 { // from the store, then from memory
		if ha1, err := d.HA1(t.Context(), account.Username, false); err != nil || ha1 != hex.EncodeToString(sum[:]) {
			t.Fatalf("got %q, %t", ha1, err)
		}
	}
	must(t, d.store.RemoveDevice(t.Context(), desk.ID))
	for _, username := range []string{desk.Username, "101", "", "d\x00\xff", strings.Repeat("d", 1<<16)} {
		if _, err := d.HA1(t.Context(), username, true); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("%q has a secret", username)
		}
	}
	if _, _, err := d.AddDevice(t.Context(), "199", "desk"); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a device of nobody: %v", err)
	}
}

func TestSIPGuessingIsSlowed(t *testing.T) {
	d := newDoor(t)
	_, desk, err := d.AddDevice(t.Context(), "101", "desk")
	must(t, err)
	_, fresh, err := d.AddDevice(t.Context(), "102", "fresh")
	must(t, err)
	d.ResultSIP(home, desk.Username, true)
	for _, from := range []netip.Addr{home, hotel} {
		for range 25 { // a scanner, once beside the desk phone
			d.ResultSIP(from, "101", false)
		}
		for range 15 { // one that knows a user name
			d.ResultSIP(from, desk.Username, false)
		}
	}
	for _, c := range []struct {
		what     string
		from     netip.Addr
		username string
		waits    bool
	}{
		{"the scanner, once more", hotel, "101", true},
		{"the scanner, an unknown name", hotel, "102", true},
		{"the scanner, a name that it knows", hotel, desk.Username, true},
		{"that name from elsewhere", nearby, desk.Username, true},
		{"the phone itself, beside the scanner", home, desk.Username, false},
		{"a new phone, beside the scanner", home, fresh.Username, false},
		{"an unknown name from elsewhere", nearby, "100", false},
	} {
		if wait := d.AllowSIP(c.from, c.username); (wait > 0) != c.waits || wait > time.Minute {
			t.Errorf("%s: waits %s", c.what, wait)
		}
	}
	d.now = d.now.Add(time.Minute)
	if wait := d.AllowSIP(hotel, "102"); wait != 0 {
		t.Errorf("a minute later: waits %s", wait)
	}
}

func TestBackoffDoublesAndForgets(t *testing.T) {
	b := newBackoff[string](2, time.Second, 8*time.Second)
	now := time.Unix(1e9, 0)
	for i, want := range []time.Duration{0, 0, 1, 2, 4, 8, 8} {
		b.fail("k", now)
		if got := b.wait("k", now); got != want*time.Second {
			t.Errorf("after failure %d: %s, want %ds", i+1, got, want)
		}
	}
	if got := b.wait("k", now.Add(3*time.Second)); got != 5*time.Second {
		t.Errorf("after 3 s: %s", got)
	}
	if got := b.wait("other", now); got != 0 {
		t.Errorf("somebody else: %s", got)
	}
	now = now.Add(forget + time.Second)
	b.fail("k", now)
	if got := b.wait("k", now); got != 0 {
		t.Errorf("an hour later: %s", got)
	}
	for range 3 {
		b.fail("k", now)
	}
	b.clear("k")
	if got := b.wait("k", now); got != 0 {
		t.Errorf("cleared: %s", got)
	}
}

func TestBackoffIsBounded(t *testing.T) {
	b := newBackoff[int](0, time.Second, time.Minute)
	now := time.Unix(1e9, 0)
	b.fail(-1, now)
	b.fail(-1, now) // waits longest
	for i := range maxKeys + 5 {
		b.fail(i, now)
	}
	if len(b.tries) > maxKeys || b.wait(-1, now) == 0 {
		t.Fatalf("%d keys, the worst waits %s", len(b.tries), b.wait(-1, now))
	}
	b.fail(-2, now.Add(2*forget))
	if len(b.tries) != 1 {
		t.Fatalf("%d keys are left of those forgotten", len(b.tries))
	}
	m := newMemory[int]()
	for i := range maxKeys + 5 {
		m.add(i)
	}
	if len(m.seen) != maxKeys || !m.has(maxKeys+4) {
		t.Fatalf("%d remembered", len(m.seen))
	}
}
