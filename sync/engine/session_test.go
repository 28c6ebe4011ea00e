package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/engine"
	"timbre/sync/local"

	"github.com/zalando/go-keyring"
)

func TestLoginIsRefused(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := profile(t, t.TempDir(), engine.Options{})
	for name, c := range map[string]struct {
		change func(*engine.Login)
		want   error
	}{
		"password":    {func(l *engine.Login) { l.Password = "wrong-wrong" }, office.ErrLogin},
		"extension":   {func(l *engine.Login) { l.Extension = "999" }, office.ErrLogin},
		"company":     {func(l *engine.Login) { l.Company = "+525555550199" }, office.ErrLogin},
		"fingerprint": {func(l *engine.Login) { l.Fingerprint = office.Fingerprint(strings.Repeat("0", 64)) }, office.ErrFingerprint},
		"no server":   {func(l *engine.Login) { l.Server = "https://127.0.0.1:1" }, office.ErrOffline},
	} {
		l := h.request()
		c.change(&l)
		if err := e.Login(ctx, l); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	l := h.request()
	l.Server = "http://127.0.0.1"
	if err := e.Login(ctx, l); err == nil {
		t.Error("logged in without TLS")
	}
	if _, in := e.Account(); in {
		t.Error("somebody is logged in")
	}
}

// The first login at an office with its own authority must bring the
// fingerprint to compare, and must not send the password.
func TestUnknownAuthorityTellsItsFingerprint(t *testing.T) {
	h := open(t)
	e := profile(t, t.TempDir(), engine.Options{})
	l := h.request()
	l.Fingerprint = ""
	var unknown *engine.UnknownAuthority
	if err := e.Login(context.Background(), l); !errors.As(err, &unknown) || unknown.Fingerprint != h.fingerprint || !errors.Is(err, office.ErrFingerprint) {
		t.Errorf("got %v", err)
	}
	if sent := h.requests(); len(sent) != 0 {
		t.Errorf("the server was sent %v", sent)
	}
}

func TestLogin(t *testing.T) {
	h := open(t)
	h.leave(1, 10)
	dir := t.TempDir()
	first := h.login(dir, engine.Options{})
	if !first.Status().SecretsInFile || !first.Status().Online {
		t.Errorf("%+v", first.Status())
	}
	info, err := os.Stat(filepath.Join(dir, "credentials"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("credentials have mode %v", info.Mode())
	}
	// A new process, without a network, knows everything.
	e := profile(t, dir, engine.Options{Offline: true})
	a, in := e.Account()
	if !in || a.ID != h.account() || a.Extension != "101" || a.Company != company || a.Server != h.url || a.Fingerprint != h.fingerprint {
		t.Errorf("%v %+v", in, a)
	}
	if a.SIP.Username == "" || a.SIP.Password == "" || len(a.SIP.URIs) != 1 || !strings.HasPrefix(a.SIP.URIs[0], "sips:127.0.0.1:") {
		t.Errorf("a phone could not start with %+v", a.SIP)
	}
	if got, want := list(t, e), h.voicemails(); got != want {
		t.Errorf("list %q, want %q", got, want)
	}
	if err := e.SyncOnce(context.Background()); !errors.Is(err, office.ErrOffline) {
		t.Errorf("synced without a network: %v", err)
	}
	if a.Name != "Ana López" {
		t.Errorf("name %q", a.Name)
	}
	if l := e.LastLogin(); l.Server != h.url || l.Password != "" || l.Extension != "101" {
		t.Errorf("%+v", l)
	}
}

func TestLogout(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	for name, c := range map[string]struct {
		wipe    bool
		network bool
	}{
		"keeps":         {false, true},
		"wipes":         {true, true},
		"offline":       {false, false},
		"wipes offline": {true, false},
	} {
		dir := t.TempDir()
		e := h.login(dir, engine.Options{})
		a, _ := e.Account()
		if !c.network {
			h.faulty(always("", lost))
		}
		must(t, e.Logout(ctx, c.wipe))
		h.faulty(nil)
		if _, in := e.Account(); in {
			t.Errorf("%s: still logged in", name)
		}
		if _, err := e.Voicemails(ctx, local.Filter{}); !errors.Is(err, office.ErrSession) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "credentials")); err == nil {
			t.Errorf("%s: the token is still there", name)
		}
		folder, err := local.Folder(dir, a.ID)
		must(t, err)
		if _, err := os.Stat(folder); (err != nil) != c.wipe {
			t.Errorf("%s: local copy: %v", name, err)
		}
		if e.LastLogin().Server != h.url {
			t.Errorf("%s: the server is forgotten", name)
		}
		sessions, err := h.gate.Sessions(ctx, h.account())
		must(t, err)
		if (len(sessions) == 0) != c.network {
			t.Errorf("%s: %d sessions on the server", name, len(sessions))
		}
		for _, s := range sessions {
			must(t, h.gate.EndSession(ctx, s.Account, s.ID))
		}
		must(t, e.Logout(ctx, true)) // nothing to do
		kept, err := e.WipeKept(ctx)
		if must(t, err); (kept == 0) != c.wipe {
			t.Errorf("%s: %d copies wiped afterwards", name, kept)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s: the copy outlived the wipe", name)
		}
	}
}

// What was kept goes when nobody is logged in, never under somebody's feet.
func TestWipeKeptSparesWhoIsLoggedIn(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	h.leave(1, 10)
	dir := t.TempDir()
	before := profile(t, dir, engine.Options{Offline: true}) // which does not know of the login
	e := h.login(dir, engine.Options{})
	for _, e := range []*engine.Engine{before, e} {
		if kept, err := e.WipeKept(ctx); kept != 0 || err != nil {
			t.Errorf("%d wiped, %v", kept, err)
		}
	}
	if got, want := list(t, e), h.voicemails(); got != want {
		t.Errorf("list %q, want %q", got, want)
	}
}

// A session ended from elsewhere pauses the sync; the user's edits survive until
// the next login.
func TestEndedSessionKeepsTheOutbox(t *testing.T) {
	h := open(t)
	v := h.leave(1, 10)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	sessions, err := h.gate.Sessions(ctx, h.account())
	must(t, err)
	must(t, h.gate.EndSession(ctx, h.account(), sessions[0].ID))
	must(t, e.MarkVoicemail(ctx, v.ID, false))
	if err := e.SyncOnce(ctx); !errors.Is(err, office.ErrSession) {
		t.Fatalf("got %v", err)
	}
	if s := e.Status(); !s.SessionEnded || s.Online || s.Pending != 1 {
		t.Errorf("%+v", s)
	}
	if got := list(t, e); got != string(v.ID)+" " {
		t.Errorf("list %q", got)
	}
	must(t, e.Login(ctx, h.request()))
	must(t, e.SyncOnce(ctx))
	if s := e.Status(); s.SessionEnded || !s.Online || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
	if got := h.voicemails(); got != string(v.ID)+" " {
		t.Errorf("on the server: %q", got)
	}
}

// The administrator changes a name: it is there after the next sync, and offline.
func TestNameFollowsTheServer(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	name := "Ana Peña"
	_, err := h.store.SetExtension(ctx, "101", store.ExtensionPatch{Name: &name})
	must(t, err)
	must(t, e.SyncOnce(ctx))
	for _, e := range []*engine.Engine{e, profile(t, dir, engine.Options{Offline: true})} {
		if a, _ := e.Account(); a.Name != name {
			t.Errorf("name %q", a.Name)
		}
	}
}

// Far away, a connection costs more than what is said on it.
func TestFirstSyncGoesOverTheConnectionOfTheLogin(t *testing.T) {
	h := open(t)
	h.calls(0, 3)
	h.login(t.TempDir(), engine.Options{})
	if n := h.connections.Load(); n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
}

// A second login of a profile must leave no device of the first behind.
func TestLoginEndsTheSessionBefore(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	must(t, e.Login(ctx, h.request()))
	must(t, e.SyncOnce(ctx))
	if sessions, err := h.gate.Sessions(ctx, h.account()); err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

// A login that cannot be kept leaves no session behind, and spares the one that
// there was.
func TestLoginThatCannotBeKept(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	must(t, os.Remove(filepath.Join(dir, "server.json")))
	must(t, os.MkdirAll(filepath.Join(dir, "server.json", "in the way"), 0o700))
	if err := e.Login(ctx, h.request()); err == nil {
		t.Error("it was kept")
	}
	if sessions, err := h.gate.Sessions(ctx, h.account()); err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	must(t, e.SyncOnce(ctx))
}

func TestSecretsGoToTheKeychain(t *testing.T) {
	keyring.MockInit() // in memory
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "none")
	h := open(t)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	if e.Status().SecretsInFile {
		t.Error("they are in the file")
	}
	if _, err := os.Stat(filepath.Join(dir, "credentials")); err == nil {
		t.Error("there is a file")
	}
	other := profile(t, dir, engine.Options{})
	if a, in := other.Account(); !in || a.SIP.Password == "" {
		t.Errorf("%v %+v", in, a)
	}
	must(t, other.SyncOnce(context.Background()))
	must(t, e.Logout(context.Background(), true))
	if a, _ := profile(t, dir, engine.Options{}).Account(); a.SIP.Password != "" {
		t.Error("the keychain still has them")
	}
	keyring.MockInitWithError(errors.New("locked"))
	e = h.login(dir, engine.Options{})
	if !e.Status().SecretsInFile {
		t.Error("without a keychain they must be in the file")
	}
	must(t, e.Logout(context.Background(), true)) // a keychain that holds nothing has nothing to fail at
	if _, err := os.Stat(filepath.Join(dir, "credentials")); err == nil {
		t.Error("the file is still there")
	}
}
