package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// A Login is what the user types, and the pinned authority of the server.
type Login struct {
	Server      string // URL, such as "https://host:8443"
	Company     office.Number
	Extension   office.Number
	Password    string             `json:"-"`
	Fingerprint office.Fingerprint // empty: the system's roots decide
	DeviceName  string             // shown in the list of sessions; empty: the host's name
}

// A login is one account that is logged in on this profile.
type login struct {
	account Account // but SIP, and Name, which may change
	mirror  *local.Mirror
	keeper  *keeper

	mu       sync.Mutex
	name     string              // guarded by mu
	device   office.ID           // guarded by mu; of the session's phone
	session  jmap.Session        // guarded by mu
	lacking  map[local.Type]bool // guarded by mu; types that the server does not offer
	client   *client             // guarded by mu; nil before the first use
	early    map[int64]int       // guarded by mu; how often the server did not know the call of an edit
	unlocked bool                // guarded by mu; mirror has the cache key
	halved   int                 // guarded by mu; how often requests were made smaller than the server says
}

// newLogin returns the login that a record remembers.
func newLogin(profile string, r profileRecord, mirror *local.Mirror) *login {
	return &login{
		account: r.Account, name: r.Account.Name, device: r.Device, session: r.Session, lacking: map[local.Type]bool{}, early: map[int64]int{},
		mirror: mirror, keeper: newKeeper(profile, r.Account.ID),
	}
}

// profileKey is the meta value that holds a profileRecord.
const profileKey = "account"

// A profileRecord is what is remembered of a login, without its secrets.
type profileRecord struct {
	Account Account      `json:"account"`
	Device  office.ID    `json:"device"`
	Session jmap.Session `json:"session"`
}

// A sessionReply is what the server says of a session.
type sessionReply struct {
	Token   string            `json:"token"`
	Device  office.ID         `json:"deviceId"`
	Session jmap.Session      `json:"session"`
	SIP     office.SIPAccount `json:"sip"`
}

// account returns the account of the session, empty where there is none.
func (r *sessionReply) account() office.ID {
	return office.ID(r.Session.PrimaryAccounts[office.Capability])
}

// name returns the name of the person whose account it is.
func (r *sessionReply) name() string {
	return r.Session.Accounts[jmap.ID(r.account())].Name
}

// secrets returns the token and the SIP account, empty where they are gone.
func (l *login) secrets() secrets { return l.keeper.load() }

// door returns the connection to the server, office.ErrSession where the token
// is gone.
func (l *login) door() (*client, error) {
	token := l.secrets().Token
	if token == "" {
		return nil, office.ErrSession
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client == nil {
		c, err := newClient(l.account.Server, l.account.Fingerprint, token)
		if err != nil {
			return nil, err
		}
		l.client = c
	}
	return l.client, nil
}

// vault returns the mirror with the cache key, which sounds and pages need. It may
// wait for the keychain, as Account does. Without a session that can be used it
// makes no key: office.ErrSession. office.ErrKeychain where the keychain does not
// tell the key of files that wait to be sent.
func (l *login) vault(ctx context.Context) (*local.Mirror, error) {
	l.mu.Lock()
	unlocked := l.unlocked
	l.mu.Unlock()
	if unlocked {
		return l.mirror, nil
	}
	if s := l.secrets(); s.Token == "" && s.Key == nil {
		return nil, office.ErrSession
	}
	owns, err := l.mirror.OwnsFiles(ctx)
	if err != nil {
		return nil, err
	}
	key, err := l.keeper.key(owns)
	if err == nil {
		err = l.mirror.Unlock(key)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unlocked = err == nil
	return l.mirror, err
}

// who returns the account with its present name, but without SIP.
func (l *login) who() Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account
	a.Name = l.name
	return a
}

// deviceID returns which telephone of the office this session's is.
func (l *login) deviceID() office.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.device
}

// lacks reports whether the server does not offer the type.
func (l *login) lacks(t local.Type) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lacking[t]
}

// miss notes that the server does not offer a type, until it is another version.
func (l *login) miss(t local.Type) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lacking[t] = true
}

// maxEarly is how often an edit of a call is sent that the server does not have.
const maxEarly = 5

// isEarly counts that the server did not know the call of an edit, and reports
// whether it may still come to know it: its side of the call ends a little later.
func (l *login) isEarly(seq int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.early[seq]++
	return l.early[seq] < maxEarly
}

// jmapSession returns the session object as it is known.
func (l *login) jmapSession() jmap.Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// close gives up the connections and the database.
func (l *login) close() error {
	l.mu.Lock()
	if l.client != nil {
		l.client.close()
	}
	l.mu.Unlock()
	return l.mirror.Close()
}

// Login opens a session on the server and makes its account the current one; a
// session that there was before ends. Nothing is synced yet. Errors:
// office.ErrLogin, ErrTooMany, ErrOffline, ErrUnavailable, *UnknownAuthority, and
// office.ErrFingerprint where the authority is not the given one.
func (e *Engine) Login(ctx context.Context, in Login) error {
	if e.offline {
		return office.ErrOffline
	}
	if in.DeviceName == "" {
		in.DeviceName, _ = os.Hostname() // without one it has no name
	}
	reply, c, err := logIn(ctx, in)
	if err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	if err := e.adopt(ctx, in, reply, c); err != nil {
		if err := endWith(ctx, c); err != nil {
			e.log.Info("new session not ended on the server", "err", err)
		}
		c.close()
		return fmt.Errorf("logging in: %w", err)
	}
	e.log.Info("logged in", "ext", in.Extension)
	return nil
}

// logIn asks the server for a session, and returns the connection that it was
// opened on with its token: the first sync need not make another.
func logIn(ctx context.Context, in Login) (*sessionReply, *client, error) {
	c, err := newClient(in.Server, in.Fingerprint, "")
	if err != nil {
		return nil, nil, err
	}
	body := struct {
		Company    office.Number `json:"companyNumber"`
		Extension  office.Number `json:"extension"`
		Password   string        `json:"password"`
		DeviceName string        `json:"deviceName,omitempty"`
	}{in.Company, in.Extension, in.Password, in.DeviceName}
	var reply sessionReply
	if err := c.exchange(ctx, http.MethodPost, "/v1/sessions", body, &reply); err != nil {
		c.close()
		return nil, nil, err
	}
	if reply.Token == "" || reply.account() == "" {
		c.close()
		return nil, nil, fmt.Errorf("%w: a session without token or account", office.ErrUnavailable)
	}
	c.token = reply.Token
	return &reply, c, nil
}

// adopt keeps a new session and makes it the current one.
func (e *Engine) adopt(ctx context.Context, in Login, reply *sessionReply, c *client) error {
	account := Account{
		ID: reply.account(), Server: in.Server, Fingerprint: in.Fingerprint,
		Company: in.Company, Extension: in.Extension,
		Name: reply.name(),
	}
	record := profileRecord{account, reply.Device, reply.Session}
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	folder, err := local.Folder(e.profile, account.ID)
	if err != nil {
		return err
	}
	release, err := e.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	mirror, err := local.Open(ctx, folder, local.Options{Log: e.log})
	if err != nil {
		return err
	}
	l := newLogin(e.profile, record, mirror)
	l.client = c
	owns, err := mirror.OwnsFiles(ctx)
	if err == nil {
		err = l.keeper.begin(reply.Token, reply.SIP, owns)
	}
	if err == nil {
		err = mirror.SetMeta(ctx, profileKey, string(text)) // tells other processes
	}
	if err == nil {
		err = local.SetCurrent(e.profile, account.ID)
	}
	if err == nil {
		err = e.remember(in)
	}
	if err != nil {
		return errors.Join(err, l.close())
	}
	e.endOld(ctx, account.ID)
	e.replace(ctx, l)
	return nil
}

// endOld ends a session that there was, so that no device of it stays behind. The
// secrets of account are the new session's already.
func (e *Engine) endOld(ctx context.Context, account office.ID) {
	old, err := e.current()
	if err != nil {
		return
	}
	if err := endSession(ctx, old); err != nil {
		e.log.Info("old session not ended on the server", "err", err)
	}
	if old.account.ID == account {
		return
	}
	if err := old.keeper.endSession(); err != nil {
		e.log.Warn("old secrets not removed", "err", err)
	}
}

// replace makes l the login of the engine, nil for nobody.
func (e *Engine) replace(ctx context.Context, l *login) {
	e.mu.Lock()
	old := e.login
	e.login, e.status, e.seen, e.presence = l, Status{}, local.Stamps{}, presence{}
	e.mu.Unlock()
	if old != nil {
		if err := old.close(); err != nil {
			e.log.Warn("local copy not closed", "err", err)
		}
	}
	if l != nil {
		e.tell(ctx, l)
	}
	e.announce(allKinds)
	wake(e.tasks.sync)
	wake(e.tasks.stream)
}

// endTime is how long a logout may wait for the server.
const endTime = 5 * time.Second

// endSession ends the session on the server; one that is gone is no error.
func endSession(ctx context.Context, l *login) error {
	c, err := l.door()
	if err != nil {
		return nil // nothing to end it with
	}
	return endWith(ctx, c)
}

// endWith ends the session of a connection. That the caller gives up does not
// leave it behind.
func endWith(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	err := c.exchange(ctx, http.MethodDelete, "/v1/sessions/current", nil, nil)
	if errors.Is(err, office.ErrSession) {
		return nil
	}
	return err
}

// Logout ends the session on the server if it can be reached, and here in any
// case; wipe also deletes the account's local copy with its key and all changes
// not yet sent (see Status.Pending). Without a session it does nothing.
func (e *Engine) Logout(ctx context.Context, wipe bool) error {
	release, err := e.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	l, err := e.current()
	if err != nil {
		return nil
	}
	if !e.offline {
		if err := endSession(ctx, l); err != nil {
			e.log.Info("session not ended on the server", "err", err)
		}
	}
	forget := l.keeper.endSession
	if wipe {
		forget = l.keeper.forget
	}
	err = errors.Join(forget(), local.SetCurrent(e.profile, ""))
	e.replace(ctx, nil)
	if wipe {
		err = errors.Join(err, local.Wipe(e.profile, l.account.ID))
	}
	if err != nil {
		return fmt.Errorf("logging out: %w", err)
	}
	return nil
}

// WipeKept deletes the copies that earlier logouts left in the profile, with all
// changes not sent, and returns how many there were. While somebody is logged
// in it deletes nothing: Logout does.
func (e *Engine) WipeKept(ctx context.Context) (int, error) {
	release, err := e.takeTurn(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	current, err := local.Current(e.profile) // another process may have logged in
	if err != nil || current != "" {
		return 0, err
	}
	kept, err := local.Kept(e.profile)
	for _, account := range kept {
		err = errors.Join(err, local.Wipe(e.profile, account), newKeeper(e.profile, account).forget())
	}
	return len(kept), err
}

// lastFile remembers in the profile where the last login went.
const lastFile = "server.json"

// remember keeps what LastLogin returns.
func (e *Engine) remember(in Login) error {
	in.DeviceName = ""
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return local.WriteFile(filepath.Join(e.profile, lastFile), raw)
}

// LastLogin returns the last successful login without its password, for the
// login page to begin with; the zero Login before the first. It outlives Logout.
func (e *Engine) LastLogin() Login {
	var in Login
	raw, err := os.ReadFile(filepath.Join(e.profile, lastFile))
	if err != nil || json.Unmarshal(raw, &in) != nil {
		return Login{}
	}
	if u, err := url.Parse(in.Server); err != nil || u.Scheme != "https" {
		return Login{}
	}
	return in
}

// reload takes over the account that the profile folder names, which another
// process may have changed.
func (e *Engine) reload(ctx context.Context) error {
	id, err := local.Current(e.profile)
	if err != nil {
		return err
	}
	if id == "" {
		if _, err := e.current(); err == nil {
			e.replace(ctx, nil)
		}
		return nil
	}
	folder, err := local.Folder(e.profile, id)
	if err != nil {
		return err
	}
	mirror, err := local.Open(ctx, folder, local.Options{Log: e.log})
	if err != nil {
		return err
	}
	var record profileRecord
	text, err := mirror.Meta(ctx, profileKey)
	if errors.Is(err, local.ErrCorrupt) {
		mirror.Close() // it is lost; Open rescues what can be read
		if mirror, err = local.Open(ctx, folder, local.Options{Log: e.log}); err != nil {
			return err
		}
		text, err = mirror.Meta(ctx, profileKey)
	}
	if err == nil && json.Unmarshal([]byte(text), &record) != nil {
		record = profileRecord{}
	}
	if err != nil {
		return errors.Join(err, mirror.Close())
	}
	if record.Account.Server == "" { // lost with a damaged database: log in again
		if _, err := e.current(); err == nil {
			e.replace(ctx, nil)
		}
		return errors.Join(mirror.Close(), local.SetCurrent(e.profile, ""))
	}
	record.Account.ID = id
	e.replace(ctx, newLogin(e.profile, record, mirror))
	return nil
}
