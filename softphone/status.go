package softphone

import (
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
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

// A Status is a picture of a call at one moment.
type Status struct {
	State      CallState
	Outcome    office.Outcome // once Ended: Answered, NoAnswer, Busy, Declined, Canceled or Failed
	Code       int            // SIP status that ended it, 200 for a plain hang-up; 0 where there was none
	Reason     string         // the words that came with Code; for the details, not for the eye
	Why        string         // the reason for which the office refused it, as in its log; empty where it did not say
	Muted      bool
	Secure     bool      // this side's sound is encrypted (SRTP); decided once Active
	FarMedia   string    // what protects the far side: "srtp", "rtp", "mixed"; empty where the office does not say
	LogID      office.ID // the row of this call in the extension's log, once known
	StartedAt  time.Time
	AnsweredAt time.Time // zero until Active
	EndedAt    time.Time // zero until Ended
	AudioErr   error     // the sound device is missing or gone; the call goes on without it
}

// Duration returns how long the two sides talked, or have been talking at now;
// 0 for a call that nobody answered.
func (s Status) Duration(now time.Time) time.Duration {
	switch {
	case s.AnsweredAt.IsZero():
		return 0
	case s.EndedAt.IsZero():
		return now.Sub(s.AnsweredAt)
	}
	return s.EndedAt.Sub(s.AnsweredAt)
}

// fail ends a call that was not answered by err, as Dial or Answer returned it.
func (s *Status) fail(err error) {
	s.Outcome = office.Failed
	if refused := (*ua.StatusError)(nil); errors.As(err, &refused) {
		s.Code, s.Reason, s.Why, s.Outcome = refused.Code, refused.Reason, refused.Why, outcomeOf(refused.Code)
	} else if err != nil {
		s.Reason = err.Error()
	}
}

// outcomeOf returns what a status means to the one who dialled (RFC 3261 §21).
func outcomeOf(code int) office.Outcome {
	switch code {
	case 486, 600:
		return office.Busy
	case 603:
		return office.Declined
	case 408, 480, 487:
		return office.NoAnswer
	}
	return office.Failed
}

// Stats counts the sound of one call as this phone saw it.
type Stats struct {
	Sent      uint64 // packets
	Received  uint64
	Lost      uint64        // packets that never came
	Late      uint64        // packets that came too late to be heard
	Jitter    time.Duration // RFC 3550 §6.4.1, at the time of asking
	Delay     time.Duration // how long a packet waits for its turn to be heard, at the time of asking
	Concealed time.Duration // sound that had to be guessed
	Codec     string        // such as "opus" or "PCMA"
}
