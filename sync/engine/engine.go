// Package engine owns the login session of the client and keeps the local copy
// in step with the office: what the user changed goes out of the outbox and
// what changed on the server comes in, in one JMAP request (RFC 8620), woken by
// the event source or by polling. The app and the command line call its actions
// and read its lists, which never ask the network.
//
// Open, then Login once; Run for as long as the app runs, or SyncOnce. It makes
// no words for people: errors wrap the kinds of package office.
package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Options are how an Engine works.
type Options struct {
	Log         *slog.Logger     // nil: nothing is logged
	Offline     bool             // never touches the network
	NoDownloads bool             // Run fetches no sounds and pages before somebody wants them
	Now         func() time.Time // nil: time.Now
}

// An Engine is one profile folder of one user. It is safe for concurrent use.
type Engine struct {
	profile string
	log     *slog.Logger
	offline bool
	lazy    bool // NoDownloads
	now     func() time.Time

	turn  chan struct{} // holds a value while a sync goes on
	tasks tasks

	mu       sync.Mutex
	login    *login                     // guarded by mu; nil: nobody is logged in
	status   Status                     // guarded by mu; but Pending
	seen     local.Stamps               // guarded by mu; of login.mirror, when subscribers were last told
	presence presence                   // guarded by mu
	subs     map[*Subscription]struct{} // guarded by mu
	fetches  map[office.ID]*fetch       // guarded by mu; downloads under way, by blob
}

// tasks are the wake channels of Run's parts, each of capacity one.
type tasks struct {
	sync, stream, blobs chan struct{}
}

// wake leaves word in a wake channel.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake already
	}
}

// Open opens the profile folder, making it where it is missing. Nobody needs to
// be logged in, and the network is not touched. Several processes may have the
// same folder open. Close it after the last use. office.ErrNewerSchema where a
// newer version of the program was here.
func Open(profile string, o Options) (*Engine, error) {
	e := &Engine{
		profile: profile, log: o.Log, offline: o.Offline, lazy: o.NoDownloads, now: o.Now,
		turn:    make(chan struct{}, 1),
		tasks:   tasks{make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)},
		subs:    map[*Subscription]struct{}{},
		fetches: map[office.ID]*fetch{},
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.now == nil {
		e.now = time.Now
	}
	if err := os.MkdirAll(profile, 0o700); err != nil {
		return nil, fmt.Errorf("opening the profile: %w", err)
	}
	if err := newKeeper(profile, "").tidy(); err != nil {
		e.log.Warn("leftovers of secrets not removed", "err", err)
	}
	if err := e.reload(context.Background()); err != nil {
		return nil, fmt.Errorf("opening the profile: %w", err)
	}
	return e, nil
}

// Close gives back what Open took. The session stays. Run must have returned.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.login == nil {
		return nil
	}
	err := e.login.mirror.Close()
	e.login = nil
	return err
}

// current returns the login of now, or office.ErrSession where nobody is logged in.
func (e *Engine) current() (*login, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.login == nil {
		return nil, office.ErrSession
	}
	return e.login, nil
}

// An Account is who is logged in, with all that a phone needs to register. It is
// known offline too.
type Account struct {
	ID          office.ID
	Server      string // URL, as it was given to Login
	Fingerprint office.Fingerprint
	Company     office.Number
	Extension   office.Number
	Name        string            // of the person
	SIP         office.SIPAccount // empty where the keychain is gone: a new login is needed
}

// Account returns who is logged in; false if nobody is. It may wait up to 2 s
// for the keychain when it is asked for the first time.
func (e *Engine) Account() (Account, bool) {
	l, err := e.current()
	if err != nil {
		return Account{}, false
	}
	a := l.who()
	a.SIP = l.secrets().SIP
	return a, true
}

// LoggedIn reports whether Account knows somebody, without asking the keychain.
func (e *Engine) LoggedIn() bool {
	_, err := e.current()
	return err == nil
}

// A Status is how things stand with the server.
type Status struct {
	Online        bool      // the last exchange worked
	Since         time.Time // when Online last changed; zero before the first attempt
	Err           error     // why it is not Online; nil before the first attempt
	Syncing       bool
	SessionEnded  bool // the server wants a new login; the outbox is kept
	Pending       int  // changes not yet sent
	SecretsInFile bool // there is no keychain: token and SIP secret are in PROFILE/credentials, and so is the cache key
}

// Status returns how things stand now.
func (e *Engine) Status() Status {
	e.mu.Lock()
	s, l := e.status, e.login
	e.mu.Unlock()
	if l != nil {
		s.SecretsInFile = l.keeper.inFile()
		n, err := l.mirror.Pending(context.Background())
		if err != nil {
			e.log.Warn("outbox not counted", "err", err)
		}
		s.Pending = n
	}
	return s
}

// setStatus changes the status by change and tells the subscribers if it did.
func (e *Engine) setStatus(change func(*Status)) {
	e.mu.Lock()
	before := e.status
	change(&e.status)
	if e.status.Online != before.Online || e.status.Since.IsZero() && (e.status.Online || e.status.Err != nil) {
		e.status.Since = e.now()
	}
	now := e.status
	e.mu.Unlock()
	if now.Online != before.Online || now.Syncing != before.Syncing || now.SessionEnded != before.SessionEnded || (now.Err == nil) != (before.Err == nil) {
		e.announce(StatusKind)
	}
}

// DefaultProfile returns the platform's data folder of Timbre.
func DefaultProfile() (string, error) {
	if runtime.GOOS == "linux" {
		if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "timbre"), nil
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding the profile: %w", err)
		}
		return filepath.Join(home, ".local", "share", "timbre"), nil
	}
	dir, err := os.UserConfigDir() // Application Support, AppData
	if err != nil {
		return "", fmt.Errorf("finding the profile: %w", err)
	}
	return filepath.Join(dir, "Timbre"), nil
}
