// Package engine owns the login session of the client and keeps the local copy
// in step with the office: what the user changed goes out of the outbox, then
// what changed on the server comes in, in one JMAP request (RFC 8620), woken by
// the event source or by polling. The app and the command line call its actions
// and read its lists, which never ask the network.
//
// Open, then Login once; Run for as long as the app runs, or SyncOnce. It makes
// no words for people: errors wrap the kinds of package office.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Options are how an Engine works.
type Options struct {
	Log     *slog.Logger     // nil: discards
	Offline bool             // never touches the network
	Now     func() time.Time // nil: time.Now
}

// An Engine is one profile folder of one user. It is safe for concurrent use.
type Engine struct{}

var errUnfinished = errors.New("not written yet")

// Open opens the profile folder, making it where it is missing. Nobody needs to
// be logged in, and the network is not touched. Several processes may have the
// same folder open. Close it after the last use.
func Open(profile string, o Options) (*Engine, error) { return nil, errUnfinished }

// Close gives back what Open took. The session stays.
func (e *Engine) Close() error { return nil }

// A Login is what the user types, and the pinned authority of the server.
type Login struct {
	Server      string // URL; https:// is put before a bare host
	Company     office.Number
	Extension   office.Number
	Password    string
	Fingerprint office.Fingerprint // empty: the system's roots decide
	DeviceName  string             // shown in the list of sessions; empty: the host's name
}

// An UnknownAuthority is the answer to a Login without a fingerprint to a server
// whose certificate was made by the office itself. A person has to compare
// Fingerprint with what the administrator says, then Login again with it. It is
// an office.ErrFingerprint.
type UnknownAuthority struct {
	Fingerprint office.Fingerprint
}

func (e *UnknownAuthority) Error() string { return "unknown authority " + string(e.Fingerprint) }

// Unwrap makes it an office.ErrFingerprint.
func (e *UnknownAuthority) Unwrap() error { return office.ErrFingerprint }

// Login opens a session on the server and makes its account the current one,
// then loads the first page of every list. Errors: office.ErrLogin,
// *UnknownAuthority, ErrFingerprint, ErrTooMany, ErrOffline, ErrUnavailable.
func (e *Engine) Login(ctx context.Context, l Login) error { return errUnfinished }

// Logout ends the session on the server if it can be reached, and here in any
// case; wipe also deletes the account's local copy with all changes not yet
// sent (see Pending). Without a session it does nothing.
func (e *Engine) Logout(ctx context.Context, wipe bool) error { return errUnfinished }

// Run keeps the local copy in step until ctx ends. It waits while nobody is
// logged in.
func (e *Engine) Run(ctx context.Context) error { return errUnfinished }

// SyncOnce sends the outbox and fetches all changes, and the audio of new
// messages.
func (e *Engine) SyncOnce(ctx context.Context) error { return errUnfinished }

// An Account is who is logged in, with all that a phone needs to register. It is
// known offline too.
type Account struct {
	ID          office.ID
	Server      string
	Fingerprint office.Fingerprint
	Company     office.Number
	CompanyName string
	Extension   office.Number
	Name        string
	SIP         office.SIPAccount
}

// Account returns who is logged in; false if nobody is.
func (e *Engine) Account() (Account, bool) { return Account{}, false }

// A Status is how things stand with the server.
type Status struct {
	Online        bool      // the last exchange worked
	Since         time.Time // when Online last changed
	Syncing       bool
	SessionEnded  bool  // the server wants a new login; the outbox is kept
	Err           error // why it is not Online; nil before the first attempt
	Pending       int   // changes not yet sent
	SecretsInFile bool  // there is no keychain: token and SIP secret are in PROFILE/credentials
}

// Status returns how things stand now.
func (e *Engine) Status() Status { return Status{} }

// Kinds is a set of what changed.
type Kinds uint

// The kinds of changes.
const (
	Voicemails Kinds = 1 << iota
	Calls
	StatusKind // Status or Account
)

// A Subscription wakes its reader after changes. C carries no data: after
// receiving from it, call Changed and read the lists again.
type Subscription struct {
	C <-chan struct{}
}

// Changed returns what changed since the last call.
func (s *Subscription) Changed() Kinds { return 0 }

// Close ends the subscription; C is not closed.
func (s *Subscription) Close() {}

// Subscribe returns a new subscription to the changes of the local copy and of
// the status, also those made by other processes.
func (e *Engine) Subscribe() *Subscription { return nil }

// Voicemails returns a page of messages, newest first.
func (e *Engine) Voicemails(ctx context.Context, f local.Filter) ([]local.Voicemail, error) {
	return nil, errUnfinished
}

// Voicemail returns one message or office.ErrNotFound.
func (e *Engine) Voicemail(ctx context.Context, id office.ID) (local.Voicemail, error) {
	return local.Voicemail{}, errUnfinished
}

// NewVoicemails counts the messages that are new.
func (e *Engine) NewVoicemails(ctx context.Context) (int, error) { return 0, errUnfinished }

// Calls returns a page of the call log, newest first.
func (e *Engine) Calls(ctx context.Context, f local.Filter) ([]local.Call, error) {
	return nil, errUnfinished
}

// MarkVoicemail makes a message new or heard, here now and on the server when it
// can be reached. office.ErrNotFound where there is no such message.
func (e *Engine) MarkVoicemail(ctx context.Context, id office.ID, isNew bool) error {
	return errUnfinished
}

// DeleteVoicemail hides a message now and destroys it after local.Hold, until
// which UndoDelete brings it back. office.ErrNotFound as in MarkVoicemail.
func (e *Engine) DeleteVoicemail(ctx context.Context, id office.ID) error { return errUnfinished }

// DeleteVoicemailNow is DeleteVoicemail without the time for an undo.
func (e *Engine) DeleteVoicemailNow(ctx context.Context, id office.ID) error { return errUnfinished }

// UndoDelete brings a deleted message back; office.ErrNotFound where it is too
// late.
func (e *Engine) UndoDelete(ctx context.Context, id office.ID) error { return errUnfinished }

// Audio returns the path of the message's MP3 file in the cache, fetching it
// first where it is not there. The file must only be read. office.ErrOffline
// where it is not cached and the server cannot be reached.
func (e *Engine) Audio(ctx context.Context, id office.ID) (string, error) { return "", errUnfinished }

// Download copies the message's MP3 to the file dst, which must not exist or is
// replaced as a whole.
func (e *Engine) Download(ctx context.Context, id office.ID, dst string) error {
	return errUnfinished
}

// Refused returns the changes that the server refused, oldest first.
func (e *Engine) Refused(ctx context.Context) ([]local.Refused, error) { return nil, errUnfinished }

// Dismiss forgets a refused change that the user has seen.
func (e *Engine) Dismiss(ctx context.Context, seq int64) error { return errUnfinished }

// DefaultProfile returns the platform's data folder of Timbre.
func DefaultProfile() (string, error) { return "", errUnfinished }
