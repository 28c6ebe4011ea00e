package voicemail

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/store"
)

// A keypad is a caller who presses the keys of a script, and notes what is heard
// to its end or until a key cuts it short.
type keypad struct {
	sounds *Sounds
	digits chan rune
	done   chan struct{}
	heard  []string // by the goroutine of the dialogue alone

	mu   sync.Mutex
	hear func([]int16) // guarded by mu
}

func newKeypad(s *Sounds) *keypad {
	return &keypad{sounds: s, digits: make(chan rune, 64), done: make(chan struct{})}
}

// press follows a script: a comma waits for 5 s, a letter speaks for so many
// seconds as it is far from a, and ! hangs up.
func (k *keypad) press(script string) {
	for _, r := range script {
		switch {
		case r == ',':
			time.Sleep(5 * time.Second)
		case r == '!':
			close(k.done)
			close(k.digits)
			return
		case r >= 'a' && r <= 'z':
			k.say(speech(time.Duration(r-'a') * time.Second))
		default:
			k.digits <- r
		}
	}
}

// say speaks in real time to who listens.
func (k *keypad) say(samples []int16) {
	for len(samples) > 0 {
		time.Sleep(20 * time.Millisecond)
		k.mu.Lock()
		if k.hear != nil {
			k.hear(samples[:Rate/50])
		}
		k.mu.Unlock()
		samples = samples[Rate/50:]
	}
}

func (k *keypad) Play(ctx context.Context, samples []int16, stop string) (rune, error) {
	digits := k.digits
	if stop == "" {
		digits = nil
	}
	end := time.NewTimer(lasting(len(samples)))
	defer end.Stop()
	begun := time.Now()
	for {
		select {
		case key, ok := <-digits:
			if ok && !strings.ContainsRune(stop, key) {
				continue
			}
			if time.Since(begun) > 0 { // what was cut short at once was not heard
				k.note(samples)
			}
			return key, nil
		case <-end.C:
			k.note(samples)
			return 0, nil
		case <-k.done:
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// note writes down what was heard: prompts by name, but for the number words; the
// beep, and other sound by its seconds.
func (k *keypad) note(samples []int16) {
	k.sounds.mu.Lock()
	defer k.sounds.mu.Unlock()
	for key, found := range k.sounds.found {
		if len(found) > 0 && len(samples) > 0 && &found[0] == &samples[0] {
			_, name, _ := strings.Cut(key, "/")
			if !strings.HasPrefix(name, "digits/") && name != string(received) {
				k.heard = append(k.heard, name)
			}
			return
		}
	}
	if d := lasting(len(samples)); d == media.BeepTime {
		k.heard = append(k.heard, "beep")
	} else {
		k.heard = append(k.heard, d.Round(time.Second).String())
	}
}

func (k *keypad) Listen(hear func([]int16)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hear = hear
}

func (k *keypad) Digits() <-chan rune   { return k.digits }
func (k *keypad) Done() <-chan struct{} { return k.done }

// pinHash hashes a PIN as auth does, but in no time.
func pinHash(pin string) string {
	salt := make([]byte, 16)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", b64(salt), b64(argon2.IDKey([]byte(pin), salt, 1, 8, 1, 32)))
}

// has puts a message of so many seconds into the mailbox.
func (m machine) has(t *testing.T, from office.Number, isNew bool, ago time.Duration, seconds int) office.ID {
	t.Helper()
	sound, err := encodeWAV(make([]int16, seconds*Rate))
	if err != nil {
		t.Fatal(err)
	}
	r := store.Recording{ID: office.NewID(), Account: m.to.Account, From: office.Party{Number: from}, StartedAt: time.Now().Add(-ago)}
	v, err := m.store.AddVoicemail(t.Context(), store.NewVoicemail{Recording: r, ReceivedAt: r.StartedAt, Duration: time.Duration(seconds) * time.Second, Audio: sound})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.store.SetVoicemails(t.Context(), m.to.Account, store.VoicemailSet{IsNew: map[office.ID]bool{v.ID: isNew}}); err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// mailbox returns what is in the mailbox: a letter for each message, from the
// oldest, in upper case where it is new.
func (m machine) mailbox(t *testing.T, names map[office.ID]string) string {
	t.Helper()
	ids, err := m.store.QueryVoicemails(t.Context(), m.to.Account, store.VoicemailFilter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := m.store.Voicemails(t.Context(), m.to.Account, ids...)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range []string{"a", "b", "c"} {
		for _, v := range all {
			if names[v.ID] == name && v.IsNew {
				b.WriteString(strings.ToUpper(name))
			} else if names[v.ID] == name {
				b.WriteString(name)
			}
		}
	}
	return b.String()
}

// Where the dialogue begins after the right PIN.
const overview = "vm-youhave vm-messages vm-INBOX vm-and vm-message vm-Olds "

// TestMenu presses keys in a mailbox with three messages: a, 3 s long and heard,
// then b, 4 s, of an extension, and c, 5 s, of a caller without number, both new.
func TestMenu(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		heard      string
		mailbox    string
		callBack   office.Number
	}{
		{"nothing and goodbye", "2580#,,*", overview + "menu-options vm-goodbye", "aBC", ""},
		{"the PIN without #", "2580,,,*", overview + "menu-options vm-goodbye", "aBC", ""},
		{"who knows the way hears no choices", "2580#*", "vm-goodbye", "aBC", ""},
		{"new ones first", "2580#1,,,,6,,,,6,,,,*", "vm-from-extension 4s vm-unknown-caller 5s vm-from-phonenumber 3s vm-goodbye", "abc", ""},
		{"# goes to the message", "2580#1#,,*", "4s vm-goodbye", "abC", ""},
		{"cut short is heard", "2580#1#,1#,*", "4s 4s vm-goodbye", "abC", ""},
		{"only the words are not", "2580#1,*", "vm-from-extension vm-goodbye", "aBC", ""},
		{"there and back", "2580#6#6#4#,,*", "4s vm-goodbye", "abc", ""},
		{"no more", "2580#4,6#6#6#6,*", "vm-nomore vm-nomore vm-goodbye", "abc", ""},
		{"delete", "2580#1#7,1#,,*", "vm-deleted 5s vm-goodbye", "ac", ""},
		{"delete the last", "2580#6#6#6#7,6,4#,,*", "vm-deleted vm-nomore 5s vm-goodbye", "bc", ""},
		{"delete all", "2580#1#71#71#7,1,7,*", "vm-deleted vm-nomore vm-nomore vm-goodbye", "", ""},
		{"nothing is chosen yet", "2580#7,8,9,*", "vm-sorry vm-sorry vm-sorry vm-goodbye", "aBC", ""},
		{"keys that mean nothing", "2580#2,3,5,#,*", "vm-sorry vm-sorry vm-sorry vm-sorry vm-goodbye", "aBC", ""},
		{"save", "2580#1,9,*", "vm-from-extension vm-msgsaved vm-goodbye", "abC", ""},
		{"call back", "2580#18", "", "aBC", "103"},
		{"call back who shows no number", "2580#6#6,8,*", "vm-unknown-caller no-number vm-goodbye", "abC", ""},
		{"call back outside", "2580#6#6#68", "", "abc", "+525555550123"},
		{"hang-up in the middle", "2580#1#,!", "4s", "abC", ""},
		{"hang-up at once", "!", "", "aBC", ""},
		{"hang-up in the PIN", "25!", "", "aBC", ""},
		{"no answer at all", "", "enter-pin enter-pin enter-pin vm-goodbye", "aBC", ""},
		{"no answer in the menu", "2580#", overview + "menu-options menu-options menu-options vm-goodbye", "aBC", ""},
		{"* instead of a PIN", "*2580#*", "vm-goodbye", "aBC", ""},
		{"wrong once", "1111#2580#*", "wrong-pin vm-goodbye", "aBC", ""},
		{"wrong three times", "1111#2222#3333#2580#", "wrong-pin wrong-pin wrong-pin vm-goodbye", "aBC", ""},
		{"too long", "25802580258025802580#,2580#*", "wrong-pin enter-pin vm-goodbye", "aBC", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, t.TempDir())
				defer m.close(t)
				if err := m.store.SetPINHash(t.Context(), m.to.Account, pinHash("2580")); err != nil {
					t.Fatal(err)
				}
				names := map[office.ID]string{
					m.has(t, "+525555550123", false, 50*time.Hour, 3): "a",
					m.has(t, "103", true, time.Hour, 4):               "b",
					m.has(t, "", true, 0, 5):                          "c",
				}
				k := newKeypad(m.sounds)
				go k.press(c.keys)
				res, err := m.Menu(t.Context(), k, Caller{From: office.Party{Number: "104"}, Account: m.to.Account})
				if err != nil {
					t.Fatal(err)
				}
				heard := strings.Join(k.heard, " ")
				if !strings.Contains(c.heard, "menu-options") { // said in every pause
					heard = strings.ReplaceAll(heard, "menu-options ", "")
				}
				if heard != c.heard {
					t.Errorf("heard %s, want %s", heard, c.heard)
				}
				if got := m.mailbox(t, names); got != c.mailbox {
					t.Errorf("left %s, want %s", got, c.mailbox)
				}
				if in := strings.Contains(c.keys, "2580#") && !strings.Contains(c.keys, "3333") || strings.Contains(c.keys, "2580,"); res.CallBack != c.callBack || (res.Account == m.to.Account) != in {
					t.Errorf("%+v", res)
				}
			})
		})
	}
}

// TestDoorOfTheMenu tries to get in where there is no PIN, no mailbox or nobody
// there any more.
func TestDoorOfTheMenu(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		caller     Caller // "own" stands for the account of 102
		change     func(t *testing.T, m machine)
		heard      string
		in         bool
	}{
		{"no PIN", "2580#", Caller{Account: "own"}, nil, "no-pin vm-goodbye", false},
		{"no PIN, by number", "102#2580#", Caller{}, nil, "no-pin vm-goodbye", false},
		{"by number", "102#2580#*", Caller{}, withPIN, "vm-goodbye", true},
		{"no such number", "199#2580#2580#2580#", Caller{}, withPIN, "wrong-pin wrong-pin wrong-pin vm-goodbye", false},
		{"no number", ",*,*,*", Caller{}, withPIN, "enter-mailbox enter-mailbox enter-mailbox vm-goodbye", false},
		{"a number at last", "*102#2580#*", Caller{}, withPIN, "vm-goodbye", true},
		{"nothing there", "2580#,*", Caller{Account: "own"}, withPIN, "no-messages menu-options vm-goodbye", true},
		{"back from a call", "*", Caller{Account: "own", Admitted: true}, withPIN, "vm-goodbye", true},
		{"disabled", "2580#2580#2580#", Caller{Account: "own"}, func(t *testing.T, m machine) {
			withPIN(t, m)
			off := true
			if _, err := m.store.SetExtension(t.Context(), m.to.Number, store.ExtensionPatch{Disabled: &off}); err != nil {
				t.Fatal(err)
			}
		}, "wrong-pin wrong-pin wrong-pin vm-goodbye", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, t.TempDir())
				defer m.close(t)
				if c.change != nil {
					c.change(t, m)
				}
				if c.caller.Account == "own" {
					c.caller.Account = m.to.Account
				}
				k := newKeypad(m.sounds)
				go k.press(c.keys)
				res, err := m.Menu(t.Context(), k, c.caller)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(k.heard, " "); got != c.heard {
					t.Errorf("heard %s, want %s", got, c.heard)
				}
				if (res.Account == m.to.Account) != c.in {
					t.Errorf("%+v", res)
				}
			})
		})
	}
}

func withPIN(t *testing.T, m machine) {
	t.Helper()
	if err := m.store.SetPINHash(t.Context(), m.to.Account, pinHash("2580")); err != nil {
		t.Fatal(err)
	}
}

func TestMenuEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, t.TempDir())
		defer m.close(t)
		withPIN(t, m)
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := m.Menu(ctx, newKeypad(m.sounds), Caller{Account: m.to.Account}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
