package office

import "time"

// A CallKind is what a call was to the extension whose log it stands in.
type CallKind string

// The kinds of calls.
const (
	Incoming CallKind = "incoming"
	Outgoing CallKind = "outgoing"
	Missed   CallKind = "missed"
)

// An Outcome is how a call ended for the extension whose log it stands in.
type Outcome string

// The outcomes of calls. The empty Outcome is a call that is still going on.
const (
	Answered          Outcome = "answered"
	AnsweredElsewhere Outcome = "answeredElsewhere"
	NoAnswer          Outcome = "noAnswer"
	Busy              Outcome = "busy"
	Declined          Outcome = "declined"
	Canceled          Outcome = "canceled"
	Failed            Outcome = "failed"
	ToVoicemail       Outcome = "voicemail"
	Forwarded         Outcome = "forwarded"
)

// KindOf returns the kind of an incoming call that ended in o: missed where no
// person answered it, else incoming. A call that the user declined, that
// another device or person answered or that failed is not missed.
func KindOf(o Outcome) CallKind {
	switch o {
	case NoAnswer, Busy, Canceled, ToVoicemail:
		return Missed
	}
	return Incoming
}

// A Call is one line of an extension's call log: one side of one call. Times
// are UTC; AnsweredAt is nil where nobody answered.
type Call struct {
	ID           ID         `json:"id"`
	Kind         CallKind   `json:"kind"`
	Outcome      Outcome    `json:"outcome"`
	Reason       string     `json:"reason"` // SIP status or "interrupted"; for the details, not for the eye
	Peer         Party      `json:"peer"`
	StartedAt    time.Time  `json:"startedAt"`
	AnsweredAt   *time.Time `json:"answeredAt"`
	RingDuration Duration   `json:"ringDuration"`
	Duration     Duration   `json:"duration"` // of the talk, zero where nobody answered
	AnsweredBy   string     `json:"answeredBy"`
	ForwardedTo  Number     `json:"forwardedTo"`
	Encryption   Encryption `json:"encryption"`
}

// Encryption says what protected a call's sound on the extension's own side
// and on the far side: "srtp", "rtp", "mixed", or empty where none flowed.
type Encryption struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// Interrupted is the reason of a call that a stop of the server cut.
const Interrupted = "interrupted"
