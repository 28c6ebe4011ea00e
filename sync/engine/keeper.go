package engine

import (
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

// Secrets are what a login session must keep to itself.
type secrets struct {
	Token string            `json:"token"`
	SIP   office.SIPAccount `json:"sip"`
}

// keychainTime is how long the system's keychain may take. A Linux desktop may
// have none, or one that waits for somebody to unlock it.
const keychainTime = 2 * time.Second

// keychainService names Timbre in the keychain.
const keychainService = "timbre"

// A keeper keeps the secrets of one account of one profile: in the system's
// keychain, or without one in the file PROFILE/credentials.
type keeper struct {
	profile string
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
	return &keeper{profile: profile, user: string(account) + "-" + hex.EncodeToString(sum[:6])}
}

func (k *keeper) path() string { return filepath.Join(k.profile, "credentials") }

// load returns the secrets, empty where there are none any more.
func (k *keeper) load() secrets {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cached != nil {
		return *k.cached
	}
	var s secrets
	text, err := os.ReadFile(k.path())
	if k.file = err == nil; !k.file {
		var value string
		err = inTime(func() (err error) { value, err = keyring.Get(keychainService, k.user); return err })
		text = []byte(value)
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		s = secrets{}
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
	if inTime(func() error { return keyring.Set(keychainService, k.user, value) }) == nil {
		k.file = false
		return removeIfThere(k.path())
	}
	k.file = true
	return local.WriteFile(k.path(), text)
}

// forget removes the secrets from wherever they are.
func (k *keeper) forget() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, statErr := os.Stat(k.path())
	k.cached, k.file = &secrets{}, false
	err := inTime(func() error { return keyring.Delete(keychainService, k.user) })
	// Secrets that are in the file were never in the keychain, which may fail.
	inFile := statErr == nil
	if err != nil && !inFile && !errors.Is(err, keyring.ErrNotFound) && !errors.Is(err, errNoKeychain) {
		return errors.Join(fmt.Errorf("emptying the keychain: %w", err), removeIfThere(k.path()))
	}
	return removeIfThere(k.path())
}

// inFile reports whether the secrets are in a file for want of a keychain.
func (k *keeper) inFile() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.file
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing secrets: %w", err)
	}
	return nil
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
