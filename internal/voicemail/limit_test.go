package voicemail

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// notices claims the mails that wait, by kind, in order.
func (m machine) notices(t *testing.T) (kinds []office.NoticeKind) {
	t.Helper()
	for {
		mail, ok, err := m.store.ClaimMail(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			slices.Sort(kinds)
			return kinds
		}
		kinds = append(kinds, mail.Notice.Kind)
		if err := m.store.MailSent(t.Context(), mail.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// writable gives the owner and the administrator addresses.
func (m machine) writable(t *testing.T) {
	t.Helper()
	owner := "luis@office.example"
	_, err := m.store.SetExtension(t.Context(), m.to.Number, store.ExtensionPatch{Email: &owner})
	err = errors.Join(err, m.store.SetCompany(t.Context(), office.Company{Number: "+525555550100", Name: "Ejemplo", Region: "MX", Email: "admin@office.example"}))
	if err != nil {
		t.Fatal(err)
	}
}

// fill has n short messages in the mailbox.
func (m machine) fill(t *testing.T, n int) {
	t.Helper()
	for range n {
		r := store.Recording{ID: office.NewID(), Account: m.to.Account, StartedAt: time.Now()}
		if _, err := m.store.AddVoicemail(t.Context(), store.NewVoicemail{Recording: r, Duration: time.Second, Audio: []byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullMailboxTakesNoMessage(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	m.fill(t, office.MaxMessages-1)
	begun := store.Recording{ID: office.NewID(), Account: m.to.Account, StartedAt: time.Now()}
	if got := m.refusal(t.Context(), m.to.Account); got != "" {
		t.Errorf("one has room: %q", got)
	}
	if err := m.store.BeginRecording(t.Context(), begun); err != nil { // it will be the last
		t.Fatal(err)
	}
	k := newKeypad(m.sounds)
	if taken, err := m.Record(t.Context(), k, Message{To: m.to}); taken != nil || err != nil {
		t.Error(taken, err)
	}
	if got := strings.Join(k.heard, " "); got != string(MailboxFull) {
		t.Errorf("the caller heard %s", got)
	}
	k = newKeypad(m.sounds)
	k.digits <- '*' // the owner comes to make room
	if _, err := m.Record(t.Context(), k, Message{To: m.to}); !errors.Is(err, ErrMenu) {
		t.Error(err)
	}
}

func TestOwnerIsToldOnceOfAMailboxThatFills(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	m.fill(t, office.MaxMessages*nearlyFull/100-1)
	m.writable(t)
	for range 2 {
		if _, err := m.Keep(t.Context(), m.leaves(t, 2*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.notices(t); !slices.Equal(got, []office.NoticeKind{office.NoticeMailboxFull, office.NoticeVoicemail, office.NoticeVoicemail}) {
		t.Errorf("mails %v", got)
	}
}

func TestOwnerOfANearlyFullMailboxHearsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, t.TempDir())
		defer m.close(t)
		withPIN(t, m)
		m.fill(t, 95)
		k := newKeypad(m.sounds)
		go k.press("2580#,,,*")
		if _, err := m.Menu(t.Context(), k, Caller{Account: m.to.Account}); err != nil {
			t.Fatal(err)
		}
		if len(k.heard) == 0 || k.heard[0] != string(almostFull) {
			t.Errorf("heard %s", k.heard)
		}
	})
}

// TestFullDiskTakesNoMessage begins anew before each case: what the administrator
// was told is not forgotten then.
func TestFullDiskTakesNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, c := range []struct {
			used  int64
			err   error
			later time.Duration
			want  Prompt
			mails int
		}{
			{949, nil, 0, "", 0},
			{950, nil, 0, DiskFull, 1},
			{999, nil, time.Hour, DiskFull, 0}, // told today
			{999, nil, diskMailEvery, DiskFull, 1},
			{999, errors.New("gone"), 0, "", 0}, // a message is worth a try
		} {
			time.Sleep(c.later)
			m := newMachine(t, dir)
			m.writable(t)
			m.diskUse = func(context.Context) (int64, int64, error) { return c.used, 1000, c.err }
			if got := m.refusal(t.Context(), m.to.Account); got != c.want {
				t.Errorf("%d in use, %v: %q", c.used, c.err, got)
			}
			if got := m.notices(t); len(got) != c.mails || len(got) > 0 && got[0] != office.NoticeDisk {
				t.Errorf("%d in use after %v: mails %v", c.used, c.later, got)
			}
			m.close(t)
		}
	})
}

func TestOwnerIsToldOfWrongPINs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, t.TempDir())
		defer m.close(t)
		m.writable(t)
		withPIN(t, m)
		for _, c := range []struct {
			keys  string
			mails int
		}{
			{"1111#2580#*", 0}, // a slip
			{"1111#2222#3333#", 1},
			{"1111#", 0}, // has to wait; told within the hour
		} {
			k := newKeypad(m.sounds)
			go k.press(c.keys)
			if _, err := m.Menu(t.Context(), k, Caller{From: office.Party{Number: "+525555550199"}, Account: m.to.Account}); err != nil {
				t.Fatal(err)
			}
			if got := m.notices(t); len(got) != c.mails || len(got) > 0 && got[0] != office.NoticeWrongPIN {
				t.Errorf("%s: mails %v, heard %s", c.keys, got, k.heard)
			}
		}
	})
}

func TestAsk(t *testing.T) {
	samples, err := builtIn.Prompt(AcceptCall, office.Spanish)
	if err != nil {
		t.Fatal(err)
	}
	prompt := lasting(len(samples))
	if prompt < 5*time.Second {
		t.Fatalf("the prompt takes %v: nothing is late", prompt)
	}
	for _, c := range []struct {
		name, keys string
		want       rune
		took       time.Duration // at most
	}{
		{"at once", "1", '1', 0},
		{"declined", "2", '2', 0},
		{"another key does not count", "5,1", '1', 6 * time.Second},
		{"after a while", ",2", '2', 6 * time.Second},
		{"late, but the prompt is long", ",,,1", '1', 15 * time.Second},
		{"nothing", "", 0, prompt + 10*time.Second},
		{"hung up", ",!", 0, 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New(Config{Sounds: builtIn})
				k := newKeypad(b.sounds)
				go k.press(c.keys)
				start := time.Now()
				got, err := b.Ask(t.Context(), k, AcceptCall, office.Spanish, "12", 10*time.Second)
				if err != nil || got != c.want || time.Since(start) > c.took {
					t.Errorf("%q after %v, %v", got, time.Since(start), err)
				}
			})
		})
	}
}

func TestSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{Sounds: builtIn})
		k := newKeypad(b.sounds)
		if err := b.Say(t.Context(), k, NotAllowed, office.English); err != nil || strings.Join(k.heard, " ") != string(NotAllowed) {
			t.Errorf("%s, %v", k.heard, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Say(ctx, k, NotAllowed, office.English); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
