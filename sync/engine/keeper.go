package engine

import (
	"context"
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
	if k.cached == nil {
		now := k.read()
		k.cached, k.file = &now.secrets, now.inFile
	}
	return *k.cached
}

// A kept is what is found of an account.
type kept struct {
	secrets
	inFile bool
	silent error // of a keychain that does not tell whether it has the key; nil: Key says all
}

// read looks where secrets are kept. What the file has goes before what the
// keychain has, but for the key: there is only one.
func (k *keeper) read() kept {
	var now kept
	now.secrets, now.inFile = k.readFile()[k.account]
	if len(now.Key) == local.KeySize {
		return now
	}
	var value string
	err := inTime(func() (err error) { value, err = keyring.Get(keychainService, k.user); return err })
	var there secrets
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		now.silent = err
	}
	if err != nil || json.Unmarshal([]byte(value), &there) != nil {
		return now
	}
	if now.inFile {
		there.Token, there.SIP = now.Token, now.SIP
	}
	now.secrets = there
	return now
}

// change replaces what is kept by what edit makes of it, while no other process
// does the same. A key that is kept stays, whatever edit does.
func (k *keeper) change(edit func(*kept) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	release, err := k.lock()
	if err != nil {
		return err
	}
	defer release()
	now := k.read()
	key := now.Key
	if err := edit(&now); err != nil {
		return err
	}
	if len(key) == local.KeySize {
		now.Key = key
	}
	return k.write(now)
}

// lock waits until no other process changes secrets in the profile.
func (k *keeper) lock() (release func(), err error) {
	return local.Lock(context.Background(), filepath.Join(k.profile, "credentials.lock"))
}

// write keeps secrets in the keychain, else in the file. Where there are none to
// keep, it removes what there was.
func (k *keeper) write(now kept) error {
	lost := now.Key == nil && now.silent != nil // it must not be written over
	if now.Token == "" && now.Key == nil {
		err := now.silent
		if !lost {
			err = inTime(func() error { return keyring.Delete(keychainService, k.user) })
		}
		return k.remove(err)
	}
	text, err := json.Marshal(now.secrets)
	if err != nil {
		return err
	}
	value, all := string(text), k.readFile()
	k.cached = &now.secrets
	k.file = lost || inTime(func() error { return keyring.Set(keychainService, k.user, value) }) != nil
	if k.file {
		all[k.account] = now.secrets
	} else {
		delete(all, k.account)
	}
	return k.writeFile(all)
}

// begin keeps the secrets of a new session; see key for needed.
func (k *keeper) begin(token string, sip office.SIPAccount, needed bool) error {
	return k.change(func(now *kept) error {
		if needed && now.Key == nil && now.silent != nil {
			return office.ErrKeychain
		}
		now.Token, now.SIP = token, sip
		return nil
	})
}

// setSIP keeps another SIP account of the session that has token. Where another
// process has begun another session, it changes nothing.
func (k *keeper) setSIP(token string, sip office.SIPAccount) error {
	return k.change(func(now *kept) error {
		if now.Token == token {
			now.SIP = sip
		}
		return nil
	})
}

// endSession forgets the secrets of the session; the key stays for the next one.
func (k *keeper) endSession() error {
	return k.change(func(now *kept) error {
		now.secrets = secrets{Key: now.Key}
		return nil
	})
}

// forget removes all secrets from wherever they are, and what a process that was
// killed left of them.
func (k *keeper) forget() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	release, err := k.lock()
	if err != nil {
		return err
	}
	defer release()
	err = inTime(func() error { return keyring.Delete(keychainService, k.user) })
	return errors.Join(k.remove(err), k.sweep())
}

// remove takes the account out of the file; err says how it went in the keychain.
func (k *keeper) remove(err error) error {
	all := k.readFile()
	_, inFile := all[k.account]
	delete(all, k.account)
	k.cached, k.file = &secrets{}, false
	// A session that is in the file is not in the keychain, which may fail.
	if inFile || errors.Is(err, keyring.ErrNotFound) || errors.Is(err, errNoKeychain) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("emptying the keychain: %w", err)
	}
	return errors.Join(err, k.writeFile(all))
}

// key returns the cache key, which it makes and keeps where there is none.
// office.ErrKeychain where there may be one that the keychain does not tell now,
// and needed says that something was sealed with it that nobody else has.
func (k *keeper) key(needed bool) ([]byte, error) {
	if key := k.load().Key; len(key) == local.KeySize {
		return key, nil
	}
	err := k.change(func(now *kept) error {
		if len(now.Key) == local.KeySize { // another process was quicker
			return nil
		}
		if needed && now.silent != nil {
			return office.ErrKeychain
		}
		now.Key = make([]byte, local.KeySize)
		rand.Read(now.Key) // never fails since Go 1.24
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k.load().Key, nil
}

// leftovers returns the files that a process left which was killed while it wrote
// secrets, and those that one is just writing.
func (k *keeper) leftovers() []string {
	files, _ := filepath.Glob(filepath.Join(filepath.Clean(k.profile), ".credentials-*")) // the folder's own name may be a bad pattern, which finds nothing
	return files
}

// sweep removes the leftovers. The lock is held: nobody is writing.
func (k *keeper) sweep() (err error) {
	for _, file := range k.leftovers() {
		if gone := os.Remove(file); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("removing secrets: %w", gone))
		}
	}
	return err
}

// tidy removes the leftovers, where there are any.
func (k *keeper) tidy() error {
	if len(k.leftovers()) == 0 {
		return nil
	}
	release, err := k.lock()
	if err != nil {
		return err
	}
	defer release()
	return k.sweep()
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
