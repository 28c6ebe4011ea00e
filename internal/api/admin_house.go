package api

import (
	"context"
	"time"

	"timbre/internal/office"
)

// Trunks tells of the office's lines to the outside. It is safe for concurrent
// use.
type Trunks interface {
	// TrunkStates returns what is known of each trunk.
	TrunkStates() map[office.ID]TrunkState
	// TestTrunk asks the carrier now and returns what came of it.
	// office.ErrNotFound: there is no such trunk.
	TestTrunk(ctx context.Context, id office.ID) (TrunkState, error)
}

// A Mailer sends the office's e-mail. It is safe for concurrent use.
type Mailer interface {
	// Test sends a message that says only that e-mail works, now. Its error tells
	// the administrator what the mail server said.
	Test(ctx context.Context, to string) error
}

// A House is what an administrator asks about besides the store. Its zero value
// is that of an office that no server runs on.
type House struct {
	Trunks          Trunks           // nil: nothing is known of their state
	Mailer          Mailer           // nil: no e-mail can be sent
	CertificateEnds func() time.Time // of what is shown to phones; nil: nothing is shown
}
