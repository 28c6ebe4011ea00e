package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/zalando/go-keyring"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Secrets are what a login session must keep to itself, and the key of what the
// account has on this computer, which outlives the session.
type secrets struct {
	Token string            `json:"token,omitempty"`
	SIP   office.SIPAccount `json:"sip,omitzero"`
	Key   []byte            `json:"key,omitempty"` // local.KeySize octets; nil: none was made
}

// keychainTime is how long the system's keychain may take. A Linux desktop may
// have none, or one that waits for somebody to unlock it.
const keychainTime = 2 * time.Second

// keychainService names Timbre in the keychain.
const keychainService = "timbre"

// A keeper keeps the secrets of one account of one profile: in the system's
// keychain, or without one in the file PROFILE/credentials, which holds those of
// all its accounts.
type keeper struct {
	profile string
	account office.ID
	user    string // in the keychain; differs for each profile, so that two may be logged in to one account

	mu     sync.Mutex
	cached *secrets // guarded by mu
	file   bool     // guarded by mu; they are in the file
}

func newKeeper(profile string, account office.ID) *keeper {
	abs, err := filepath.Abs(profile)
	if err != nil {
		abs = profile
	}
	sum := sha256.Sum256([]byte(abs))
	return &keeper{profile: profile, account: account, user: string(account) + "-" + hex.EncodeToString(sum[:6])}
}

func (k *keeper) path() string { return filepath.Join(k.profile, "credentials") }

// load returns the secrets, empty where there are none any more.
func (k *keeper) load() secrets {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cached != nil {
		return *k.cached
	}
	s, inFile := k.readFile()[k.account]
	if k.file = inFile; !inFile {
		var value string
		err := inTime(func() (err error) { value, err = keyring.Get(keychainService, k.user); return err })
		if err != nil || json.Unmarshal([]byte(value), &s) != nil {
			s = secrets{}
		}
	}
	k.cached = &s
	return s
}

// save keeps s in the keychain, else in the file.
func (k *keeper) save(s secrets) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cached = &s
	value := string(text)
	all := k.readFile()
	if k.file = inTime(func() error { return keyring.Set(keychainService, k.user, value) }) != nil; k.file {
		all[k.account] = s
	} else {
		delete(all, k.account)
	}
	return k.writeFile(all)
}

// endSession forgets the secrets of the session; the key stays for the next one.
func (k *keeper) endSession() error {
	if key := k.load().Key; key != nil {
		return k.save(secrets{Key: key})
	}
	return k.forget()
}

// forget removes all secrets from wherever they are.
func (k *keeper) forget() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.readFile()
	_, inFile := all[k.account]
	delete(all, k.account)
	k.cached, k.file = &secrets{}, false
	err := inTime(func() error { return keyring.Delete(keychainService, k.user) })
	// Secrets that are in the file were never in the keychain, which may fail.
	if err != nil && !inFile && !errors.Is(err, keyring.ErrNotFound) && !errors.Is(err, errNoKeychain) {
		return errors.Join(fmt.Errorf("emptying the keychain: %w", err), k.writeFile(all))
	}
	return k.writeFile(all)
}

// key returns the cache key, which it makes and keeps where there is none.
func (k *keeper) key() ([]byte, error) {
	s := k.load()
	if len(s.Key) == local.KeySize {
		return s.Key, nil
	}
	s.Key = make([]byte, local.KeySize)
	rand.Read(s.Key) // never fails since Go 1.24
	return s.Key, k.save(s)
}

// readFile returns what is in the file by account; one that says nothing is
// empty.
func (k *keeper) readFile() map[office.ID]secrets {
	all := map[office.ID]secrets{}
	text, err := os.ReadFile(k.path())
	if err != nil || json.Unmarshal(text, &all) != nil {
		return map[office.ID]secrets{}
	}
	return all
}

// writeFile replaces the file, which is only there while it says something.
func (k *keeper) writeFile(all map[office.ID]secrets) error {
	if len(all) == 0 {
		if err := os.Remove(k.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing secrets: %w", err)
		}
		return nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return local.WriteFile(k.path(), text)
}

// inFile reports whether the secrets are in a file for want of a keychain.
func (k *keeper) inFile() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.file
}

// errNoKeychain is a keychain that is missing or does not answer.
var errNoKeychain = errors.New("no keychain")

// inTime runs a call to the keychain, which cannot be cancelled, and leaves it
// behind after keychainTime.
func inTime(call func() error) error {
	if !hasKeychain() {
		return errNoKeychain
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- errNoKeychain
			}
		}()
		done <- call()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(keychainTime):
		return errNoKeychain
	}
}

// hasKeychain reports whether asking for the keychain makes sense: without a
// session bus, the library would start one that nobody ends.
func hasKeychain() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"))
	return os.Getenv("XDG_RUNTIME_DIR") != "" && err == nil
}
