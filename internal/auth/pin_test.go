package auth

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// mailbox makes the door's 101 a mailbox with the PIN 7391.
func (d *door) mailbox(t *testing.T) office.ID {
	t.Helper()
	e, err := d.store.Extension(t.Context(), "101")
	must(t, err)
	must(t, d.ResetPIN(t.Context(), "101", "7391"))
	return e.Account
}

func TestPINOpensItsMailbox(t *testing.T) {
	d := newDoor(t)
	account := d.mailbox(t)
	other, err := d.store.AddExtension(t.Context(), office.Extension{Number: "108", Name: "Eva"}, "no password")
	must(t, err)
	for _, c := range []struct {
		name    string
		account office.ID
		pin     string
		want    error
	}{
		{"right", account, "7391", nil},
		{"wrong", account, "7392", office.ErrWrongPIN},
		{"none", account, "", office.ErrWrongPIN},
		{"a mailbox without PIN", other.Account, "7391", office.ErrWrongPIN},
		{"a mailbox without PIN, none", other.Account, "", office.ErrWrongPIN},
		{"no mailbox", "anobody00001", "7391", office.ErrWrongPIN},
		{"no mailbox, no name", "", "7391", office.ErrWrongPIN},
	} {
		if err := d.CheckPIN(t.Context(), c.account, c.pin, office.Number("+5255"+c.name)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	off := true
	_, err = d.store.SetExtension(t.Context(), "101", store.ExtensionPatch{Disabled: &off})
	must(t, err)
	if err := d.CheckPIN(t.Context(), account, "7391", "103"); !errors.Is(err, office.ErrWrongPIN) {
		t.Errorf("disabled: %v", err)
	}
}

func TestGuessersAtPINsWait(t *testing.T) {
	d := newDoor(t)
	account := d.mailbox(t)
	try := func(pin string, caller office.Number) error { return d.CheckPIN(t.Context(), account, pin, caller) }
	must(t, try("7391", "owner"))
	// One caller: three are free, a fourth one has to wait, then longer.
	for i := range 3 {
		if err := try("9999", "thief"); !errors.Is(err, office.ErrWrongPIN) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if err := try("9999", "thief"); !errors.Is(err, office.ErrWrongPIN) {
		t.Fatal(err)
	}
	var wait *TooMany
	if err := try("7391", "thief"); !errors.As(err, &wait) || wait.RetryAfter != 30*time.Second {
		t.Fatalf("the right one, too early: %v", err)
	}
	d.now = d.now.Add(30 * time.Second)
	if err := try("9999", "thief"); !errors.Is(err, office.ErrWrongPIN) {
		t.Fatal(err)
	}
	if err := try("9999", "thief"); !errors.As(err, &wait) || wait.RetryAfter != time.Minute {
		t.Fatalf("%v", err)
	}
	// Many callers at one mailbox.
	for _, caller := range []office.Number{"a", "b", "c", "d", "e", "f"} {
		if err := try("9999", caller); !errors.Is(err, office.ErrWrongPIN) {
			t.Fatalf("%s: %v", caller, err)
		}
	}
	if err := try("7391", "stranger"); !errors.Is(err, office.ErrTooMany) {
		t.Errorf("the mailbox does not wait: %v", err)
	}
	// The owner does not suffer.
	if err := try("7391", "owner"); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestOneCallerAtManyMailboxesWaits(t *testing.T) {
	d := newDoor(t)
	account := d.mailbox(t)
	for range 11 {
		if err := d.CheckPIN(t.Context(), office.NewID(), "9999", "thief"); !errors.Is(err, office.ErrWrongPIN) {
			t.Fatal(err)
		}
	}
	if err := d.CheckPIN(t.Context(), account, "7391", "thief"); !errors.Is(err, office.ErrTooMany) {
		t.Error(err)
	}
}

func TestPINIsSetByWhoKnowsThePassword(t *testing.T) {
	d := newDoor(t)
	account := d.mailbox(t)
	for _, c := range []struct {
		name, password, pin string
		want                error
	}{
		{"wrong password", "not the password", "71935", office.ErrLogin},
		{"trivial", password, "1234", office.ErrPIN},
		{"own extension", password, "0101", office.ErrPIN},
		{"good", password, "71935", nil},
	} {
		if err := d.SetPIN(t.Context(), account, c.password, c.pin); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	must(t, d.CheckPIN(t.Context(), account, "71935", "103"))
	must(t, d.SetPIN(t.Context(), account, password, ""))
	if hash, err := d.store.PINHash(t.Context(), account); err != nil || hash != "" {
		t.Errorf("after it was taken away: %q, %v", hash, err)
	}
	if err := d.SetPIN(t.Context(), "anobody00001", password, "71935"); !errors.Is(err, office.ErrLogin) {
		t.Errorf("nobody: %v", err)
	}
	if err := d.ResetPIN(t.Context(), "199", "71935"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("nobody, by the administrator: %v", err)
	}
	if err := d.ResetPIN(t.Context(), "101", "1111"); !errors.Is(err, office.ErrPIN) {
		t.Errorf("trivial, by the administrator: %v", err)
	}
}

func TestNewPasswordEndsTheOtherSessions(t *testing.T) {
	d := newDoor(t)
	account := d.mailbox(t)
	stays, goes := d.login(t, "101", home), d.login(t, "101", home)
	const fresh = "another good password"
	if err := d.ChangePassword(t.Context(), account, "not the password", fresh, stays.Session.ID); !errors.Is(err, office.ErrLogin) {
		t.Errorf("wrong: %v", err)
	}
	if err := d.ChangePassword(t.Context(), account, password, "short", stays.Session.ID); !errors.Is(err, office.ErrPassword) {
		t.Errorf("too short: %v", err)
	}
	must(t, d.ChangePassword(t.Context(), account, password, fresh, stays.Session.ID))
	if _, err := d.Session(t.Context(), stays.Token); err != nil {
		t.Errorf("the session that changed it: %v", err)
	}
	if _, err := d.Session(t.Context(), goes.Token); !errors.Is(err, office.ErrSession) {
		t.Errorf("another one: %v", err)
	}
	if _, err := d.HA1(t.Context(), goes.SIP.Username, true); !errors.Is(err, office.ErrNotFound) {
		t.Error("its telephone registers on")
	}
	if _, err := d.Login(t.Context(), company, "101", fresh, "new", home); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if _, err := d.Login(t.Context(), company, "101", password, "new", home); !errors.Is(err, office.ErrLogin) {
		t.Errorf("the old password: %v", err)
	}
}

func TestGuessersWithinASessionWait(t *testing.T) {
	d := newDoor(t)
	account := d.mailbox(t)
	for range 6 {
		if err := d.SetPIN(t.Context(), account, "not the password", "71935"); !errors.Is(err, office.ErrLogin) {
			t.Fatal(err)
		}
	}
	if err := d.SetPIN(t.Context(), account, password, "71935"); !errors.Is(err, office.ErrTooMany) {
		t.Error(err)
	}
	d.now = d.now.Add(time.Minute)
	must(t, d.SetPIN(t.Context(), account, password, "71935"))
}
