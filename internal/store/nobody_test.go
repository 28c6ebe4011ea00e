package store_test

import (
	"errors"
	"testing"

	"timbre/internal/office"
	"timbre/internal/store"
)

// What nobody has is not found, however it is spelled: names come from outside,
// and a database may not be able to hold them.
func nobody(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.furnish(t)
	for _, name := range []string{"nobody", "", "\x00", "1\x0001", "\xff\xfe", "101\x00", "' OR '1'='1", "%"} {
		n, id := office.Number(name), office.ID(name)
		for what, err := range map[string]error{
			"extension":  only(f.Extension(ctx, n)),
			"account":    only(f.ExtensionOf(ctx, id)),
			"password":   only(f.PasswordHash(ctx, n)),
			"PIN":        only(f.PINHash(ctx, id)),
			"session":    only(f.SessionByToken(ctx, name)),
			"device":     func() error { _, _, err := f.DeviceSecret(ctx, name); return err }(),
			"line":       only(f.LineOf(ctx, n)),
			"state":      only(f.State(ctx, id, store.TypeCall)),
			"states":     only(f.States(ctx, id)),
			"invitation": only(f.Invited(ctx, name)),
			"trunk":      only(f.TrunkSecret(ctx, id)),
			"blob":       func() error { _, _, err := f.OpenBlob(ctx, id, id); return err }(),
			"greeting":   only(f.Greeting(ctx, id, f.now)),
			"profile":    only(f.Profile(ctx, id)),

			"removed extension": f.RemoveExtension(ctx, n, 0),
			"removed line":      f.RemoveLine(ctx, n),
			"removed trunk":     f.RemoveTrunk(ctx, name),
			"removed token":     f.RemoveAdminToken(ctx, name),
			"removed device":    f.RemoveDevice(ctx, id),
			"removed session":   f.RemoveSession(ctx, id, id),
			"sent mail":         f.MailFailed(ctx, id, "", f.now),
			"changed extension": only(f.SetExtension(ctx, n, store.ExtensionPatch{})),
			"changed password":  f.SetPasswordHash(ctx, n, "x", ""),
			"used invitation":   f.AcceptInvitation(ctx, name, "x"),
			"used session":      f.UseSession(ctx, id, f.now),
			"audit":             f.EndAudit(ctx, id, "ok"),
		} {
			if !errors.Is(err, office.ErrNotFound) {
				t.Errorf("%s of %q: %v", what, name, err)
			}
		}
	}
	if s := f.entries(t); s != "101 Ana López, 102 Ana López" {
		t.Errorf("left are %s", s)
	}
}

// only returns the error of a call.
func only[T any](_ T, err error) error { return err }
