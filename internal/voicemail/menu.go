package voicemail

import (
	"context"

	"timbre/internal/office"
)

// A Caller is who enters the menu, and where.
type Caller struct {
	From     office.Party    // who calls
	Account  office.ID       // whose mailbox; empty: it is asked for
	Language office.Language // what is spoken until the mailbox is known
	Admitted bool            // the PIN of Account was right in this call already: back from a call back
}

// A Result says how a visit to the menu ended.
type Result struct {
	Account  office.ID     // whose mailbox was visited, empty where nobody got in
	CallBack office.Number // whom its owner wants to be connected with now, empty: nobody
}

// Menu holds the dialogue with somebody who wants to hear a mailbox: mailbox
// number where it is not known, PIN, messages, greetings. It returns when the
// caller has enough, hangs up, is turned away or wants to call back; the caller
// of Menu then dials, within the rights of the mailbox's owner, or hangs up.
func (b *Box) Menu(ctx context.Context, leg Leg, c Caller) (Result, error) {
	return Result{}, office.ErrUnavailable
}
