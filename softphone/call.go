package softphone

import (
	"time"

	"timbre/internal/office"
)

// A CallState is where a call stands. A call goes through the states in the
// order of the constants, may leave out any but Ended, and never goes back.
type CallState string

// The states of a call.
const (
	Dialing CallState = "dialing" // outgoing: the office has it, nobody rings yet
	Ringing CallState = "ringing" // outgoing: the far side rings; incoming: this phone does
	Active  CallState = "active"  // both sides talk
	Ended   CallState = "ended"
)

// An Error is something that a Phone or a Call cannot do now.
type Error string

func (e Error) Error() string { return string(e) }

// The kinds of errors.
const (
	ErrInCall     Error = "another call is going on"
	ErrNotRunning Error = "the phone is not running"
	ErrNotActive  Error = "nobody has answered yet, or the call is over"
	ErrDigit      Error = "not a digit that can be sent"
)

// A Status is a picture of a call at one moment.
type Status struct {
	State      CallState
	Outcome    office.Outcome // once Ended: Answered, NoAnswer, Busy, Declined, Canceled, Failed; AnsweredElsewhere
	Code       int            // SIP status that ended it; 0 where none did, 200 for a normal end of an answered call
	Reason     string         // the words that came with Code; for the details, not for the eye
	Muted      bool
	Secure     bool      // this side's sound is encrypted (SRTP); decided once Active
	FarMedia   string    // "srtp", "rtp", "mixed", or empty where the office did not say
	LogID      office.ID // the row of this call in the extension's log, once known
	StartedAt  time.Time
	AnsweredAt time.Time // zero until Active
	EndedAt    time.Time // zero until Ended
	AudioErr   error     // the sound card is missing or gone; the call goes on without it
}

// Duration returns how long the two sides talked, or have been talking at now.
func (s Status) Duration(now time.Time) time.Duration { return 0 }

// Stats counts the RTP of one call as this phone saw it.
type Stats struct {
	Sent     uint64 // packets
	Received uint64
	Lost     uint64        // packets that never came or came too late to be played
	Jitter   time.Duration // RFC 3550 §6.4.1, at the time of asking
	Codec    string        // such as "PCMA"
}

// A Call is one call of a Phone, from the first ring to the end. Its methods
// return at once and are safe for concurrent use; what they bring about is told
// through Config.OnCall. After the end they do nothing.
type Call struct{}

// ID names the call in this process.
func (c *Call) ID() office.ID { return "" }

// Incoming reports whether the other side placed the call.
func (c *Call) Incoming() bool { return false }

// Peer is the other side: the number that was dialled, or the caller.
func (c *Call) Peer() office.Party { return office.Party{} }

// Status returns how the call stands now.
func (c *Call) Status() Status { return Status{} }

// Done is closed when the call is over and its sound card is closed.
func (c *Call) Done() <-chan struct{} { return nil }

// Answer takes an incoming call that rings.
func (c *Call) Answer() {}

// Decline refuses an incoming call that rings.
func (c *Call) Decline() {}

// Hangup ends the call in any state: it cancels an outgoing call that nobody
// has answered and declines an incoming one.
func (c *Call) Hangup() {}

// Mute stops or resumes sending what the microphone hears; meanwhile silence is sent.
func (c *Call) Mute(on bool) {}

// SendDigit sends a key of the telephone keypad: 0–9, *, #, A–D. Digits are
// sent one after the other, in order. It returns ErrNotActive or ErrDigit.
func (c *Call) SendDigit(d rune) error { return nil }

// Stats returns the packet counts so far; the zero Stats before the call is Active.
func (c *Call) Stats() Stats { return Stats{} }
