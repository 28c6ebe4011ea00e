package ua

// Replaces names a dialog that a new call takes the place of (RFC 3891), seen from
// the side that has it.
type Replaces struct {
	CallID    string
	LocalTag  string // to-tag
	RemoteTag string // from-tag
	EarlyOnly bool   // only a dialog that is not answered yet
}

// Replaces returns the dialog that the call is to take the place of, which is one
// of our own answered ones; nil where it is an ordinary call. Who may do so is for
// the receiver to say.
func (in *Incoming) Replaces() *Replaces { return in.replaces }

// LegOf returns the answered leg of that dialog, or nil.
func (e *Endpoint) LegOf(r Replaces) *Leg { return nil }
