// Package softphone is a telephone without a face: it registers one account
// with the office, places and answers calls, and moves sound between the
// network and a sound card. Windows and command lines stand on top of it.
//
// It owns the state machine of a call, the tones a caller hears and the path of
// the samples; SIP, RTP and SRTP belong to internal/ua, codecs and the jitter
// buffer to internal/media, sound cards to softphone/audio. Begin with New,
// then Phone.Run and Phone.Call.
package softphone

import (
	"context"
	"log/slog"
	"time"

	"timbre/internal/office"
)

// An Account is the line that a phone uses and how it finds the office.
type Account struct {
	office.SIPAccount
	Extension   office.Number      // whose line it is
	Name        string             // displayed to those who are called
	Fingerprint office.Fingerprint // of the office's authority; empty: the system's roots decide
}

// A Config says what a Phone needs. Account and Audio are required; the zero values of the
// others are documented beside them.
//
// The callbacks are called one at a time, in the order in which things
// happened, from one goroutine that the Phone owns. They may call any method of
// Phone and Call. A callback that blocks delays the next one, never a call.
type Config struct {
	Log            *slog.Logger       // nil: nothing is logged
	Account        Account            // the line
	Audio          Audio              // required
	OnRegistration func(Registration) // nil: nobody asks
	OnIncoming     func(*Call)        // a call rings; nil: all calls are declined as busy
	OnCall         func(*Call, Status)
}

// A RegistrationState is what stands between the phone and the office.
type RegistrationState string

// The states of a registration.
const (
	Offline     RegistrationState = "offline"     // the office cannot be reached; tried again by itself
	Registering RegistrationState = "registering" // asked, no answer yet
	Registered  RegistrationState = "registered"  // can be called
	Refused     RegistrationState = "refused"     // the office does not know the device: a person must log in again
)

// A Registration says whether the phone can be called now.
type Registration struct {
	State   RegistrationState
	Err     error     // why it is Offline or Refused; wraps office.ErrFingerprint for a strange server
	RetryAt time.Time // when it is tried again by itself; zero where it is not
}

// New returns a phone that does nothing yet. It fails where the account names
// no address that this phone could use.
func New(cfg Config) (*Phone, error) {
	return nil, nil
}

// A Phone is one registered telephone. It is safe for concurrent use. It has at
// most one call at a time: whoever calls meanwhile hears that it is busy.
type Phone struct{}

// Run registers and serves calls until ctx ends; then it hangs up,
// unregisters this device alone, and returns when all its goroutines are gone.
// It is called once.
func (p *Phone) Run(ctx context.Context) error { return nil }

// Registration returns the present state of the registration.
func (p *Phone) Registration() Registration { return Registration{} }

// Current returns the call that is not over, or nil.
func (p *Phone) Current() *Call { return nil }

// Call begins to dial n and returns at once; what becomes of the call is told
// through Config.OnCall and Call.Done. It returns ErrInCall while another call
// is not over, ErrNotRunning before and after Run.
func (p *Phone) Call(n office.Number) (*Call, error) { return nil, nil }
