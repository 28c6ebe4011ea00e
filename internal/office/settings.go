package office

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Singleton is the id of every object of which an account has one (RFC 8620
// §5.3 uses the same word).
const Singleton ID = "singleton"

// VoicemailSettings say how an extension's mailbox works.
type VoicemailSettings struct {
	IsEnabled   bool     `json:"isEnabled"`
	RingSeconds int      `json:"ringSeconds"`
	AttachAudio bool     `json:"attachAudio"` // to the e-mail that tells of a message
	HasPin      bool     `json:"hasPin"`      // read only; without one there is no remote menu
	Greeting    Greeting `json:"greeting"`
}

// A GreetingKind says whose words a caller hears before the beep.
type GreetingKind string

// The kinds of greetings.
const (
	GreetingDefault   GreetingKind = "default"
	GreetingOwn       GreetingKind = "own"
	GreetingTemporary GreetingKind = "temporary" // until Until, then the own one, else the default
)

// A Greeting is what a caller hears before the beep. BlobID is its sound, empty
// where it is the default one.
type Greeting struct {
	Kind   GreetingKind `json:"kind"`
	BlobID ID           `json:"blobId,omitempty"`
	Until  *time.Time   `json:"until,omitempty"` // of a temporary one; nil: until it is changed
}

// A ForwardWhen is a case in which calls are forwarded.
type ForwardWhen string

// The cases. Always includes all others.
const (
	ForwardAlways   ForwardWhen = "always"
	ForwardOffline  ForwardWhen = "offline"
	ForwardBusy     ForwardWhen = "busy"
	ForwardNoAnswer ForwardWhen = "noAnswer"
)

// A WhenSet is a set of cases. It travels as an object whose keys are the cases
// and whose values are true (as the sets of RFC 8621); a list is understood too.
type WhenSet map[ForwardWhen]bool

// MarshalJSON writes the cases that are in the set.
func (w WhenSet) MarshalJSON() ([]byte, error) {
	in := map[ForwardWhen]bool{}
	for c, is := range w {
		if is {
			in[c] = true
		}
	}
	return json.Marshal(in)
}

// UnmarshalJSON reads an object or a list.
func (w *WhenSet) UnmarshalJSON(b []byte) error {
	var list []ForwardWhen
	if json.Unmarshal(b, &list) == nil {
		*w = WhenSet{}
		for _, c := range list {
			(*w)[c] = true
		}
		return nil
	}
	return json.Unmarshal(b, (*map[ForwardWhen]bool)(w))
}

// List returns the cases in the set, sorted.
func (w WhenSet) List() []ForwardWhen {
	in := maps.Clone(w)
	maps.DeleteFunc(in, func(_ ForwardWhen, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(in))
}

// ForwardingSettings say when the calls of an extension go elsewhere, and where.
type ForwardingSettings struct {
	IsEnabled  bool    `json:"isEnabled"`
	When       WhenSet `json:"when"`
	Number     Number  `json:"number"`     // required where IsEnabled
	RingLocal  bool    `json:"ringLocal"`  // the extension's own devices ring at the same time
	RequireKey bool    `json:"requireKey"` // who answers there must press 1
}

// Forwards reports whether calls are forwarded in the case c.
func (f ForwardingSettings) Forwards(c ForwardWhen) bool {
	return f.IsEnabled && f.Number != "" && (f.When[c] || f.When[ForwardAlways])
}

// CallerIDSettings say which number goes out with an extension's calls. Number
// is one of Choices; empty: the company's main number.
type CallerIDSettings struct {
	Number  Number   `json:"number"`
	Choices []Number `json:"choices"` // read only; the company's main number is always among them
}

// A Profile is who an extension's user is. Only Email and Language are the
// user's to change.
type Profile struct {
	Name          string   `json:"name"`
	Extension     Number   `json:"extension"`
	CompanyNumber Number   `json:"companyNumber"`
	Email         string   `json:"email"`
	Language      Language `json:"language"`
}

// Availability says until when the user does not want to be disturbed; nil or
// past: calls are welcome.
type Availability struct {
	DNDUntil *time.Time `json:"dndUntil"`
}

// Disturbable reports whether calls may ring at now.
func (a Availability) Disturbable(now time.Time) bool {
	return a.DNDUntil == nil || !now.Before(*a.DNDUntil)
}

// An Entry is one line of the office's directory (the JMAP type Extension). ID
// is its own: it is not the account's, which nobody else needs to know.
type Entry struct {
	ID     ID     `json:"id"`
	Number Number `json:"number"`
	Name   string `json:"name"`
}

// A PresenceState is what an extension is doing now.
type PresenceState string

// The states of presence.
const (
	Free    PresenceState = "free"
	Ringing PresenceState = "ringing"
	InCall  PresenceState = "busy"
	DND     PresenceState = "dnd"
	Offline PresenceState = "offline" // no device is registered
)

// A Presence is the state of the directory's entry of the same ID.
type Presence struct {
	ID    ID            `json:"id"`
	State PresenceState `json:"state"`
}
