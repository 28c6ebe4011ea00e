package store_test

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

func auditLog(t *testing.T, f *fixture) {
	ctx := t.Context()
	begun := f.now
	first, err := f.BeginAudit(ctx, store.Audit{Who: "command line", What: "add-extension", About: "101 Ana"})
	must(t, err)
	must(t, f.EndAudit(ctx, first, "ok"))
	f.now = f.now.Add(time.Hour)
	_, err = f.BeginAudit(ctx, store.Audit{Who: "token scrape", What: "set-smtp"}) // and the server is killed
	must(t, err)
	all, err := f.Audits(ctx, time.Time{}, 0)
	if err != nil || len(all) != 2 || all[0].Who != "token scrape" || all[0].Result != "" || all[1].ID != first ||
		all[1].What != "add-extension" || all[1].About != "101 Ana" || all[1].Result != "ok" || !all[1].At.Equal(begun) {
		t.Errorf("%+v, %v", all, err)
	}
	if since, err := f.Audits(ctx, begun.Add(time.Minute), 0); err != nil || len(since) != 1 || since[0].ID != all[0].ID {
		t.Errorf("%+v, %v", since, err)
	}
	if one, err := f.Audits(ctx, time.Time{}, 1); err != nil || len(one) != 1 || one[0].ID != all[0].ID {
		t.Errorf("%+v, %v", one, err)
	}
	if err := f.EndAudit(ctx, "nothing", "ok"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("%v", err)
	}
	f.now = f.now.Add(3 * 366 * 24 * time.Hour)
	f.keepHouse(t)
	if all, err := f.Audits(ctx, time.Time{}, 0); err != nil || len(all) != 0 {
		t.Errorf("after three years: %+v, %v", all, err)
	}
}

// keepHouse does one round of the housekeeping.
func (f *fixture) keepHouse(t *testing.T) {
	t.Helper()
	must(t, f.KeepHouse(t.Context()))
}

func adminTokens(t *testing.T, f *fixture) {
	ctx := t.Context()
	made, err := f.AddAdminToken(ctx, "scrape", "hash")
	must(t, err)
	if _, err := f.AddAdminToken(ctx, "scrape", "other"); !errors.Is(err, office.ErrExists) {
		t.Errorf("the name was taken: %v", err)
	}
	if all, err := f.AdminTokens(ctx); err != nil || len(all) != 1 || all[0] != made || made.Hash != "hash" {
		t.Errorf("%+v, %v", all, err)
	}
	monitor, err := f.AddMetricsToken(ctx, "monitor", "hash of another")
	must(t, err)
	if all, err := f.AdminTokens(ctx); err != nil || len(all) != 2 || all[0] != monitor || !monitor.OnlyMetrics || all[1].OnlyMetrics {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := f.AddMetricsToken(ctx, "scrape", "other"); !errors.Is(err, office.ErrExists) {
		t.Errorf("the name was taken: %v", err)
	}
	must(t, f.RemoveAdminToken(ctx, "scrape"))
	if err := f.RemoveAdminToken(ctx, "scrape"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func invitations(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.add(t, "101")
	f.add(t, "102")
	f.login(t, "101", "laptop")
	if err := f.Invite(ctx, "109", "x", f.now.Add(time.Hour)); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("nobody was invited: %v", err)
	}
	must(t, f.Invite(ctx, "101", "first", f.now.Add(time.Hour)))
	must(t, f.Invite(ctx, "101", "second", f.now.Add(time.Hour)))
	must(t, f.Invite(ctx, "102", "other", f.now.Add(time.Hour)))
	if err := f.AcceptInvitation(ctx, "first", "new"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a newer one was made: %v", err)
	}
	if e, err := f.Invited(ctx, "second"); err != nil || e.Number != "101" {
		t.Errorf("%+v, %v", e, err)
	}
	must(t, f.AcceptInvitation(ctx, "second", "new"))
	if err := f.AcceptInvitation(ctx, "second", "newer"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("accepted twice: %v", err)
	}
	if hash, err := f.PasswordHash(ctx, "101"); err != nil || hash != "new" {
		t.Errorf("%q, %v", hash, err)
	}
	if _, err := f.SessionByToken(ctx, "laptop"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("the session did not end: %v", err)
	}

	// What ends an invitation besides.
	must(t, f.SetPasswordHash(ctx, "102", "chosen", ""))
	if _, err := f.Invited(ctx, "other"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a new password: %v", err)
	}
	must(t, f.Invite(ctx, "102", "third", f.now.Add(time.Hour)))
	yes := true
	_, err := f.SetExtension(ctx, "102", store.ExtensionPatch{Disabled: &yes})
	must(t, err)
	if _, err := f.Invited(ctx, "third"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("disabled: %v", err)
	}
	must(t, f.Invite(ctx, "101", "late", f.now.Add(time.Hour)))
	f.now = f.now.Add(time.Hour)
	if err := f.AcceptInvitation(ctx, "late", "x"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("its time was over: %v", err)
	}
	f.keepHouse(t)
	must(t, f.Invite(ctx, "101", "kept", f.now.Add(time.Hour)))
	must(t, f.RemoveExtension(ctx, "101", 0)) // goes with it
}

func retention(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	call := func() office.ID {
		id := office.NewID()
		must(t, f.EndCalls(ctx, store.Side{Account: ana, Call: office.Call{ID: id, Kind: office.Missed, Outcome: office.NoAnswer, StartedAt: f.now}}))
		return id
	}
	const old = 300
	for range old { // more than go in one commit
		call()
	}
	message := f.leave(t, ana, "")
	live := office.NewID()
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: office.Call{ID: live, Kind: office.Outgoing, StartedAt: f.now}}))
	f.now = f.now.Add(10 * 24 * time.Hour)
	young := call()
	recent := f.leave(t, ana, "")
	f.now = f.now.Add(time.Hour)
	state, err := f.State(ctx, ana, store.TypeCall)
	must(t, err)

	f.keepHouse(t)
	if n, err := f.CountCalls(ctx, ana, store.CallFilter{}); err != nil || n != old+1 {
		t.Errorf("nothing was set, %d calls are left, %v", n, err)
	}
	want := store.Retention{Calls: 5 * 24 * time.Hour, Voicemail: 7 * 24 * time.Hour}
	must(t, f.SetRetention(ctx, want))
	if got, err := f.Retention(ctx); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	f.keepHouse(t)
	ids, err := f.QueryCalls(ctx, ana, store.CallFilter{}, store.Page{})
	if err != nil || len(ids) != 1 || ids[0] != young {
		t.Errorf("%d calls are left, %v", len(ids), err)
	}
	messages, err := f.QueryVoicemails(ctx, ana, store.VoicemailFilter{}, store.Page{})
	if err != nil || len(messages) != 1 || messages[0] != recent.ID {
		t.Errorf("%v, %v", messages, err)
	}
	if _, _, err := f.OpenBlob(ctx, ana, message.BlobID); !errors.Is(err, office.ErrNotFound) || f.files(t, "blobs") != 1 {
		t.Errorf("the sound is still there: %v", err)
	}
	c, err := f.Changes(ctx, ana, store.TypeCall, state, 500)
	if err != nil || len(c.Destroyed) != old {
		t.Errorf("the phones are told of %d calls, %v", len(c.Destroyed), err)
	}
	must(t, f.EndCalls(ctx, store.Side{Account: ana, Call: office.Call{ID: live, Kind: office.Outgoing, Outcome: office.Answered, StartedAt: f.now}}))
	if n, err := f.CountCalls(ctx, ana, store.CallFilter{}); err != nil || n != 2 {
		t.Errorf("a call that goes on was deleted: %d, %v", n, err)
	}
}

func backupNotes(t *testing.T, f *fixture) {
	ctx := t.Context()
	if last, err := f.LastBackup(ctx); err != nil || !last.IsZero() {
		t.Errorf("%v, %v", last, err)
	}
	must(t, f.NoteBackup(ctx, f.now))
	must(t, f.NoteBackup(ctx, f.now.Add(time.Hour)))
	if last, err := f.LastBackup(ctx); err != nil || !last.Equal(f.now.Add(time.Hour)) {
		t.Errorf("%v, %v", last, err)
	}
	if url, print, err := f.Door(ctx); err != nil || url != "" || print != "" {
		t.Errorf("%q, %q, %v", url, print, err)
	}
	must(t, f.SetDoor(ctx, "https://pbx.example.com", "ab"))
	if url, print, err := f.Door(ctx); err != nil || url != "https://pbx.example.com" || print != "ab" {
		t.Errorf("%q, %q, %v", url, print, err)
	}
	if used, total, err := f.Disk(ctx); err != nil || used <= 0 || used > total {
		t.Errorf("%d of %d, %v", used, total, err)
	}
}
