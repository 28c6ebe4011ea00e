package api

import (
	"context"
	"io"

	"timbre/internal/office"
)

// A Switch is the telephone side as the API sees it. Its methods are safe for
// concurrent use and do not wait.
type Switch interface {
	// LiveCalls returns how many calls are going on now.
	LiveCalls() int
	// Registered returns the devices that can be reached now.
	Registered() []office.ID
}

// A Board tells what the extensions of the office are doing. It is safe for
// concurrent use.
type Board interface {
	// Presence returns the state of each extension; one that is left out is
	// offline.
	Presence(ctx context.Context) map[office.Number]office.PresenceState
	// SubscribePresence returns a channel of capacity one on which a value
	// appears, without data, after states changed; several changes may wake once.
	// cancel ends it.
	SubscribePresence() (wake <-chan struct{}, cancel func())
}

// A Dialer calls for a user who clicked on a number. It is safe for concurrent
// use.
type Dialer interface {
	// Click rings the other devices of account (ring "others") or all of them
	// (ring "all"), and connects the first that answers with number, as typed.
	// It returns the id of the call in the account's log as soon as they ring.
	// device is the one that asks. office.ErrNumber: it cannot be dialled;
	// ErrNotAllowed: nor may it be; ErrNoTrunk: no line works; ErrNoDevice: there is
	// none to ring; ErrTooMany: the account has as many calls as it may have.
	Click(ctx context.Context, account, device office.ID, number office.Number, ring string) (office.ID, error)
}

// Greetings turns what users upload into what callers hear. It is safe for
// concurrent use.
type Greetings interface {
	// Convert reads a WAV or MP3 file and returns it in the form in which
	// greetings are kept, with its media type. office.ErrGreeting: it is neither,
	// is too long, or holds no sound.
	Convert(ctx context.Context, r io.Reader) (sound []byte, mediaType string, err error)
}
