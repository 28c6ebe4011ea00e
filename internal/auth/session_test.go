package auth

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"timbre/internal/office"
	"timbre/internal/store"
)

// TestSessionHoldsWhileNothingCanBeWritten: who is logged in may read on with a
// full disk.
func TestSessionHoldsWhileNothingCanBeWritten(t *testing.T) {
	d := newDoor(t)
	dir := t.TempDir()
	kept, err := store.Open(t.Context(), store.Config{Dir: dir, Now: d.Gate.now})
	must(t, err)
	t.Cleanup(func() { kept.Close() })
	must(t, kept.SetCompany(t.Context(), office.Company{Number: company, Name: "Ejemplo", Region: "MX"}))
	_, err = kept.AddExtension(t.Context(), office.Extension{Number: "101", Name: "Ana"}, hashed())
	must(t, err)
	d.Gate = New(Config{Store: kept, Now: d.Gate.now, Domain: "office.example"})
	in := d.login(t, "101", home)
	d.now = d.now.Add(useStep)
	full(t, filepath.Join(dir, "timbre.db"))
	s, err := d.Session(t.Context(), in.Token)
	if err != nil || s.ID == "" {
		t.Fatalf("%+v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Session(ctx, in.Token); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	d.now = d.now.Add(idleTime)
	if _, err := d.Session(t.Context(), in.Token); !errors.Is(err, office.ErrSession) {
		t.Errorf("after its end: %v", err)
	}
}

// full makes every write to the sessions of a database fail, as a full disk does.
func full(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path+"?_busy_timeout=5000")
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "CREATE TRIGGER full BEFORE UPDATE ON session BEGIN SELECT RAISE(FAIL, 'full'); END")
	must(t, err)
}

// TestSessionsOfAnAccountAreLimited: each is a telephone that rings.
func TestSessionsOfAnAccountAreLimited(t *testing.T) {
	d := newDoor(t)
	first := d.login(t, "101", home)
	for range maxSessions - 1 {
		d.now = d.now.Add(useStep)
		username := newUsername()
		_, err := d.store.AddSession(t.Context(), store.NewSession{
			Device: office.Device{Extension: "101", Name: "laptop", Username: username}, Secret: secretOf(username, newToken()),
			Token: hashToken(newToken()), ExpiresAt: d.now.Add(idleTime),
		})
		must(t, err)
	}
	if _, err := d.Session(t.Context(), first.Token); err != nil { // which is now the one that was used last
		t.Fatal(err)
	}
	d.now = d.now.Add(useStep)
	last := d.login(t, "101", home)
	all, err := d.Sessions(t.Context(), last.Extension.Account)
	if err != nil || len(all) != maxSessions {
		t.Errorf("%d sessions, %v", len(all), err)
	}
	for _, token := range []string{first.Token, last.Token} {
		if _, err := d.Session(t.Context(), token); err != nil {
			t.Errorf("one of the last used has ended: %v", err)
		}
	}
}
