package engine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"timbre/internal/office"

	"github.com/zalando/go-keyring"
)

// However many processes want the cache key first, there is one.
func TestThereIsOneKey(t *testing.T) {
	dir := t.TempDir()
	var all [8]*keeper
	for i := range all {
		all[i] = newKeeper(dir, "a1")
		all[i].load() // there is none yet
	}
	var keys [len(all)][]byte
	var done sync.WaitGroup
	for i, k := range all {
		done.Go(func() {
			var err error
			if keys[i], err = k.key(false); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	for _, key := range keys {
		if !bytes.Equal(key, keys[0]) {
			t.Fatal("two processes have different keys")
		}
	}
}

// What a process writes that does not know of the key leaves it, and another's
// session, alone.
func TestKeyOutlivesWhoDoesNotKnowIt(t *testing.T) {
	dir := t.TempDir()
	old := newKeeper(dir, "a1")
	check(t, old.begin("t1", office.SIPAccount{}, false))
	key, err := newKeeper(dir, "a1").key(false)
	check(t, err)
	check(t, old.setSIP("t1", office.SIPAccount{Username: "u1"}))
	check(t, newKeeper(dir, "a1").begin("t2", office.SIPAccount{Username: "u2"}, true))
	check(t, old.setSIP("t1", office.SIPAccount{Username: "u1"}))
	if now := newKeeper(dir, "a1").load(); !bytes.Equal(now.Key, key) || now.Token != "t2" || now.SIP.Username != "u2" {
		t.Errorf("%+v", now)
	}
	check(t, old.endSession())
	if now := newKeeper(dir, "a1").load(); !bytes.Equal(now.Key, key) || now.Token != "" {
		t.Errorf("after the session: %+v", now)
	}
	check(t, old.forget())
	if _, err := os.Stat(filepath.Join(dir, "credentials")); err == nil {
		t.Error("the file is still there")
	}
}

// While the keychain does not tell the key, no other takes its place.
func TestKeychainThatIsLocked(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "none")
	keyring.MockInit() // in memory
	dir := t.TempDir()
	key, err := newKeeper(dir, "a1").key(false)
	check(t, err)
	text, err := keyring.Get(keychainService, newKeeper(dir, "a1").user)
	check(t, err)
	keyring.MockInitWithError(errors.New("locked"))
	k := newKeeper(dir, "a1")
	if err := k.begin("t1", office.SIPAccount{}, true); !errors.Is(err, office.ErrKeychain) {
		t.Errorf("began without the key: %v", err)
	}
	check(t, k.begin("t1", office.SIPAccount{}, false))
	if _, err := k.key(true); !errors.Is(err, office.ErrKeychain) {
		t.Errorf("another key: %v", err)
	}
	keyring.MockInit()
	check(t, keyring.Set(keychainService, k.user, text)) // it is unlocked
	if got, err := newKeeper(dir, "a1").key(true); err != nil || !bytes.Equal(got, key) {
		t.Errorf("the key is another one, %v", err)
	}
	if now := newKeeper(dir, "a1").load(); now.Token != "t1" {
		t.Errorf("%+v", now)
	}
}

// A process that is killed leaves no secrets for good.
func TestLeftoversAreSwept(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".credentials-123")
	for name, sweep := range map[string]func(*keeper) error{"open": (*keeper).tidy, "wipe": (*keeper).forget} {
		check(t, os.WriteFile(left, []byte("secret"), 0o600))
		check(t, sweep(newKeeper(dir, "a1")))
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s: it is still there", name)
		}
	}
}
