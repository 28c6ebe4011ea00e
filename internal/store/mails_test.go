package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// post gives the office addresses, so that mail is written.
func (f *fixture) post(t *testing.T) (ana office.ID) {
	t.Helper()
	must(t, f.SetCompany(t.Context(), office.Company{Number: "+525555550100", Region: "MX", Email: "admin@example.com"}))
	e, err := f.AddExtension(t.Context(), office.Extension{Number: "101", Name: "Ana López", Email: "ana@example.com"}, "")
	must(t, err)
	return e.Account
}

// write has a mail sent to the administrator that can be told from others.
func (f *fixture) write(t *testing.T, count int) {
	t.Helper()
	must(t, f.AddMail(t.Context(), store.Mail{Notice: office.Notice{Kind: office.NoticeDisk, Count: count}}))
}

const lease = 3 * time.Minute

// claim claims the mail that has this count.
func (f *fixture) claim(t *testing.T, count int) store.Mail {
	t.Helper()
	m, ok, err := f.ClaimMail(t.Context(), lease)
	if err != nil || !ok || m.Notice.Count != count {
		t.Fatalf("claimed %+v, %t, %v; want the one with %d", m, ok, err, count)
	}
	return m
}

// nothingDue checks that no mail can be claimed.
func (f *fixture) nothingDue(t *testing.T, when string) {
	t.Helper()
	if m, ok, err := f.ClaimMail(t.Context(), lease); ok || err != nil {
		t.Errorf("%s: claimed %+v, %v", when, m, err)
	}
}

// due checks when the next mail is due; the zero time: none waits.
func (f *fixture) due(t *testing.T, want time.Time) {
	t.Helper()
	if got, ok, err := f.NextMail(t.Context()); err != nil || ok == want.IsZero() || ok && !got.Equal(want) {
		t.Errorf("due at %v, %t, %v; want %v", got, ok, err, want)
	}
}

// queue checks what waits to be sent.
func (f *fixture) queue(t *testing.T, when string, want store.MailStatus) {
	t.Helper()
	got, err := f.MailStatus(t.Context())
	if err != nil || !got.Oldest.Equal(want.Oldest) {
		t.Errorf("%s: the oldest is of %v, %v; want %v", when, got.Oldest, err, want.Oldest)
	}
	if (got.LastError == "") != got.ErrorAt.IsZero() || got.ErrorAt.After(f.now) {
		t.Errorf("%s: the last error was at %v", when, got.ErrorAt)
	}
	got.Oldest, want.Oldest, got.ErrorAt = time.Time{}, time.Time{}, time.Time{}
	if got != want {
		t.Errorf("%s: %+v, want %+v", when, got, want)
	}
}

func mails(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.post(t)
	beto := f.add(t, "102") // has no address
	written := f.now
	f.queue(t, "at first", store.MailStatus{})
	f.due(t, time.Time{})
	f.nothingDue(t, "at first")
	wake, cancel := f.Mailed()
	defer cancel()
	for _, c := range []struct {
		what  string
		mail  store.Mail
		to    string // who gets it; empty: nobody
		count int
	}{
		{"to the administrator", store.Mail{Notice: office.Notice{Kind: office.NoticeDisk, Count: 1}}, "admin@example.com", 1},
		{"to a user", store.Mail{Account: ana, Notice: office.Notice{Kind: office.NoticeMailboxFull, Count: 2}}, "ana@example.com", 2},
		{"to an address", store.Mail{Account: ana, To: "old@example.com", Notice: office.Notice{Kind: office.NoticeEmailChanged, Count: 3}}, "old@example.com", 3},
		{"to a user without one", store.Mail{Account: beto, Notice: office.Notice{Kind: office.NoticeMailboxFull}}, "", 0},
		{"to nobody", store.Mail{Account: "nobody", Notice: office.Notice{Kind: office.NoticeMailboxFull}}, "", 0},
	} {
		must(t, f.AddMail(ctx, c.mail))
		if woken(wake) != (c.to != "") {
			t.Errorf("%s: woken %t", c.what, c.to == "")
		}
		if c.to == "" {
			f.nothingDue(t, c.what)
			continue
		}
		m := f.claim(t, c.count)
		if m.To != c.to || m.Account != c.mail.Account || m.Notice.Kind != c.mail.Notice.Kind || m.Attempts != 1 || m.LastError != "" ||
			m.MessageID != string(m.ID)+"@timbre" || !m.CreatedAt.Equal(f.now) || !m.NextAt.Equal(f.now) || !m.Notice.At.Equal(f.now) {
			t.Errorf("%s: %+v", c.what, m)
		}
		must(t, f.MailFailed(ctx, m.ID, "later", f.now.Add(time.Duration(c.count)*time.Hour)))
	}
	f.queue(t, "after a first try", store.MailStatus{Waiting: 3, Oldest: written, LastError: "later"})
	f.nothingDue(t, "before the second")
	f.due(t, written.Add(time.Hour))

	f.restart(t)
	f.now = written.Add(time.Hour)
	first := f.claim(t, 1)
	if first.Attempts != 2 || first.LastError != "later" || !first.NextAt.Equal(f.now) || !first.CreatedAt.Equal(written) {
		t.Errorf("the second try: %+v", first)
	}
	f.nothingDue(t, "while it is sent")
	f.due(t, f.now.Add(lease))
	must(t, f.MailSent(ctx, first.ID))
	must(t, f.MailSent(ctx, first.ID)) // by two, after a lease
	if err := f.MailFailed(ctx, first.ID, "x", f.now); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("one that was sent failed: %v", err)
	}
	f.queue(t, "when one was sent", store.MailStatus{Waiting: 2, Oldest: written, LastError: "later"})

	f.now = written.Add(2 * time.Hour)
	must(t, f.MailFailed(ctx, f.claim(t, 2).ID, "no such user", time.Time{}))
	f.queue(t, "when one was given up", store.MailStatus{Waiting: 1, GivenUp: 1, Oldest: written, LastError: "no such user"})
	f.due(t, written.Add(3*time.Hour))
	f.now = written.Add(3 * time.Hour)
	must(t, f.MailSent(ctx, f.claim(t, 3).ID))
	f.due(t, time.Time{})
	f.queue(t, "at the end", store.MailStatus{GivenUp: 1, LastError: "no such user"})
	f.now = written.Add(13 * 24 * time.Hour)
	f.keepHouse(t)
	f.queue(t, "two weeks later but a day", store.MailStatus{GivenUp: 1, LastError: "no such user"})
	f.now = written.Add(15 * 24 * time.Hour)
	f.keepHouse(t)
	f.queue(t, "two weeks later", store.MailStatus{})
}

// Who claimed a mail and was killed has failed when its lease is over.
func leases(t *testing.T, f *fixture) {
	f.post(t)
	f.write(t, 1)
	first := f.claim(t, 1)
	f.restart(t)
	f.now = f.now.Add(lease - time.Millisecond)
	f.nothingDue(t, "before the end of the lease")
	f.now = f.now.Add(time.Millisecond)
	if again := f.claim(t, 1); again.Attempts != 2 || again.MessageID != first.MessageID {
		t.Errorf("%+v, want another try of %+v", again, first)
	}
}

// Mails go in the order in which they are due, and of the same time in any.
func mailsInOrder(t *testing.T, f *fixture) {
	f.post(t)
	for i := range 3 {
		f.write(t, i)
		f.now = f.now.Add(time.Second)
	}
	m := f.claim(t, 0)
	must(t, f.MailFailed(t.Context(), m.ID, "later", f.now))
	f.claim(t, 1)
	f.claim(t, 2)
	f.claim(t, 0)
	f.nothingDue(t, "at the end")
}

// Of those who claim at once, on one server or two, each gets a mail, and each
// mail goes to one.
func mailsClaimedAtOnce(t *testing.T, f *fixture) {
	f.post(t)
	stores := []*store.Store{f.Store}
	if f.cfg.DSN != "" {
		stores = append(stores, f.second(t))
	}
	for range 5 {
		const claimers = 12
		for i := range claimers {
			f.write(t, i)
		}
		var mu sync.Mutex
		var got []int
		var wg sync.WaitGroup
		for i := range claimers {
			wg.Go(func() {
				m, ok, err := stores[i%len(stores)].ClaimMail(t.Context(), lease)
				if err != nil || !ok || m.Attempts != 1 {
					t.Errorf("claimed %+v, %t, %v", m, ok, err)
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, m.Notice.Count)
				if err := f.MailSent(t.Context(), m.ID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		slices.Sort(got)
		if n := len(slices.Compact(got)); n != claimers {
			t.Fatalf("%d of %d mails were claimed", n, claimers)
		}
		f.nothingDue(t, "when all are")
	}
}

// A copy of an office that was put back may have sent its mail before.
func heldMail(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.post(t)
	written := f.now
	for i := range 3 {
		f.write(t, i)
	}
	sending := f.claim(t, f.claimable(t))
	must(t, f.HoldMail(ctx))
	f.queue(t, "held", store.MailStatus{Held: 3})
	f.nothingDue(t, "held")
	f.due(t, time.Time{})
	must(t, f.MailFailed(ctx, sending.ID, "refused", time.Time{})) // was on its way when the others were held
	f.queue(t, "held but for one that was given up", store.MailStatus{Held: 2, GivenUp: 1, LastError: "refused"})
	f.now = f.now.Add(time.Second)
	f.write(t, 9) // was written afterwards
	f.claim(t, 9)
	f.now = f.now.Add(72 * time.Hour)
	f.keepHouse(t)
	f.queue(t, "three days later", store.MailStatus{Held: 2, GivenUp: 2, LastError: store.NoMailing})
	wake, cancel := f.Mailed()
	defer cancel()
	if n, err := f.ReleaseMail(ctx); n != 2 || err != nil || !woken(wake) {
		t.Errorf("released %d, %v", n, err)
	}
	f.queue(t, "released", store.MailStatus{Waiting: 2, GivenUp: 2, Oldest: written, LastError: store.NoMailing})
	f.due(t, f.now)
	if n, err := f.ReleaseMail(ctx); n != 0 || err != nil {
		t.Errorf("released again %d, %v", n, err)
	}
}

// claimable returns the count of the mail that is claimed next: of those of one
// time, any may be.
func (f *fixture) claimable(t *testing.T) int {
	t.Helper()
	m, ok, err := f.ClaimMail(t.Context(), 0) // whose lease is over at once
	if err != nil || !ok {
		t.Fatalf("claimed nothing, %v", err)
	}
	return m.Notice.Count
}

// Without a mail server mails wait for two days, and are given up then.
func mailsWithoutAServer(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.post(t)
	written := f.now
	f.write(t, 1)
	f.write(t, 2)
	must(t, f.MailFailed(ctx, f.claim(t, f.claimable(t)).ID, "451 later", f.now.Add(time.Hour))) // when there was one
	f.now = written.Add(24 * time.Hour)
	f.write(t, 3)
	f.now = written.Add(48*time.Hour - time.Millisecond)
	f.keepHouse(t)
	f.queue(t, "before two days are over", store.MailStatus{Waiting: 3, Oldest: written, LastError: "451 later"})
	f.now = written.Add(48 * time.Hour)
	f.keepHouse(t)
	f.queue(t, "after two days", store.MailStatus{Waiting: 1, GivenUp: 2, Oldest: written.Add(24 * time.Hour), LastError: store.NoMailing})
	m := f.claim(t, 3)
	f.now = f.now.Add(100 * time.Hour)
	f.keepHouse(t)
	f.queue(t, "after four days more", store.MailStatus{GivenUp: 3, LastError: store.NoMailing})
	must(t, f.MailSent(ctx, m.ID)) // which was on its way

	// With one they are the mailer's, however old they are.
	must(t, f.SetMailing(ctx, office.Mailing{URL: "smtp://mail.example.com", From: "pbx@example.com"}, ""))
	f.write(t, 4)
	f.now = f.now.Add(100 * time.Hour)
	f.keepHouse(t)
	f.claim(t, 4)
}

func mailing(t *testing.T, f *fixture) {
	ctx := t.Context()
	none := func(when string) {
		t.Helper()
		if m, secret, err := f.Mailing(ctx); !errors.Is(err, office.ErrNotFound) || m != (office.Mailing{}) || secret != "" {
			t.Errorf("%s: %+v, %v", when, m, err)
		}
	}
	none("at first")
	wake, cancel := f.Configured()
	defer cancel()
	for i, want := range []office.Mailing{
		{URL: "smtp://pbx@mail.example.com:587", From: "pbx@example.com"},
		{URL: "smtps://mail.example.org", From: "Oficina <o@example.org>"}, // in place of it
	} {
		must(t, f.SetMailing(ctx, want, fmt.Sprint("secret", i)))
		if !woken(wake) {
			t.Error("set, and nobody was woken")
		}
		f.restart(t)
		wake, cancel = f.Configured()
		defer cancel()
		if m, secret, err := f.Mailing(ctx); m != want || secret != fmt.Sprint("secret", i) || err != nil {
			t.Errorf("%+v, %q, %v", m, secret, err)
		}
	}
	must(t, f.SetMailing(ctx, office.Mailing{}, ""))
	none("when it was taken away")
	if !woken(wake) {
		t.Error("taken away, and nobody was woken")
	}
}

// A message is told by e-mail in the commit that keeps it, an address that
// changes to the former one.
// Changes of an e-mail address do not fill a stranger's mailbox.
func noticesOfAddresses(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.post(t)
	told := func() string {
		t.Helper()
		var all []string
		for {
			m, ok, err := f.ClaimMail(ctx, lease)
			must(t, err)
			if !ok {
				slices.Sort(all)
				return strings.Join(all, " ")
			}
			all = append(all, m.To) // those of one time in no order
			must(t, f.MailSent(ctx, m.ID))
		}
	}
	byUser := func(to string) {
		t.Helper()
		_, err := f.SetProfile(ctx, ana, to, office.Spanish, "")
		must(t, err)
	}
	byAdministrator := func(to string) {
		t.Helper()
		_, err := f.SetExtension(ctx, "101", store.ExtensionPatch{Email: &to})
		must(t, err)
	}
	for i := range 10 {
		byUser(fmt.Sprintf("victim%d@example.org", i))
	}
	if s := told(); s != "ana@example.com" {
		t.Errorf("told are %q", s)
	}
	f.now = f.now.Add(23 * time.Hour)
	byUser("next@example.org")
	if s := told(); s != "" {
		t.Errorf("told are %q, a day too early", s)
	}
	f.now = f.now.Add(25 * time.Hour)
	must(t, f.KeepHouse(ctx))
	byUser("later@example.org")
	if s := told(); s != "next@example.org" {
		t.Errorf("told are %q, want who had the mail for a day", s)
	}
	for i := range 5 { // one who takes the administrator's word each time
		byAdministrator(fmt.Sprintf("a%d@example.org", i))
		byUser(fmt.Sprintf("b%d@example.org", i))
	}
	if s := told(); s != "a0@example.org a1@example.org" {
		t.Errorf("told are %q: more than three in a day", s)
	}
}

func mailOfWhatHappens(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.post(t)
	v := f.leave(t, ana, "m1")
	m, ok, err := f.ClaimMail(ctx, lease)
	want := office.Notice{
		Kind: office.NoticeVoicemail, At: v.ReceivedAt, Extension: "101", Name: "Ana López", From: v.From, Duration: v.Duration, Voicemail: "m1",
	}
	if err != nil || !ok || m.Notice != want || m.To != "ana@example.com" || m.Account != ana {
		t.Errorf("%+v, %t, %v", m, ok, err)
	}
	s, err := f.VoicemailSettings(ctx, ana)
	must(t, err)
	s.AttachAudio = true
	_, err = f.SetVoicemailSettings(ctx, ana, s, "")
	must(t, err)
	f.leave(t, ana, "m2")
	if m, ok, err := f.ClaimMail(ctx, lease); err != nil || !ok || !m.Notice.Attach || m.Notice.Voicemail != "m2" {
		t.Errorf("%+v, %t, %v", m, ok, err)
	}

	for _, c := range []struct {
		what, to string
		byUser   bool
		told     string // empty: nobody
	}{
		{"the same address", "ana@example.com", true, ""},
		{"by the user", "a@example.org", true, "ana@example.com"},
		{"by the administrator, after the user", "lopez@example.org", false, ""}, // whom the user named a moment ago is not told
		{"the same by the administrator", "lopez@example.org", false, ""},
		{"none any more", "", true, "lopez@example.org"},
		{"one where none was", "ana@example.com", true, ""},
	} {
		if c.byUser {
			_, err = f.SetProfile(ctx, ana, c.to, office.English, "")
		} else {
			_, err = f.SetExtension(ctx, "101", store.ExtensionPatch{Email: &c.to})
		}
		must(t, err)
		m, ok, err := f.ClaimMail(ctx, lease)
		want := office.Notice{Kind: office.NoticeEmailChanged, At: f.now, Extension: "101", Name: "Ana López", Address: c.to}
		if err != nil || ok != (c.told != "") || ok && (m.To != c.told || m.Notice != want) {
			t.Errorf("%s: %+v, %t, %v", c.what, m, ok, err)
		}
	}
	if _, err := f.SetProfile(ctx, ana, "late@example.com", office.English, "x"); !errors.Is(err, store.ErrStateMismatch) {
		t.Error(err)
	}
	f.nothingDue(t, "of an address that was not changed")

	// To a mailbox whose extension is gone nobody is told.
	must(t, f.RemoveExtension(ctx, "101", time.Hour))
	f.leave(t, ana, "m3")
	f.nothingDue(t, "for an extension that is gone")
}
