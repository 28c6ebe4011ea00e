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
	Reason       string     `json:"reason"` // SIP status such as 486, one of the reasons below, or empty where Outcome says all; for the details, not for the eye
	Peer         Party      `json:"peer"`
	StartedAt    time.Time  `json:"startedAt"`
	AnsweredAt   *time.Time `json:"answeredAt"`
	RingDuration Duration   `json:"ringDuration"`
	Duration     Duration   `json:"duration"` // of the talk, zero where nobody answered
	AnsweredBy   string     `json:"answeredBy"`
	ForwardedTo  Number     `json:"forwardedTo"`
	Encryption   Encryption `json:"encryption"`

	Quality map[ID]Quality `json:"quality"`        // by device; what each says of its own leg
	Legs    []CallLeg      `json:"legs,omitempty"` // only where asked for
}

// A CallLeg is one telephone that took part in a call, or was rung for it.
type CallLeg struct {
	Party      Party      `json:"party"`
	Device     string     `json:"device,omitempty"` // of an extension
	DeviceID   ID         `json:"deviceId,omitempty"`
	Trunk      string     `json:"trunk,omitempty"` // name of the line to the outside
	Outcome    Outcome    `json:"outcome"`
	Reason     string     `json:"reason,omitempty"`
	StartedAt  time.Time  `json:"startedAt"`
	AnsweredAt *time.Time `json:"answeredAt"`
	EndedAt    time.Time  `json:"endedAt"`
	Codec      string     `json:"codec,omitempty"`
	Encryption string     `json:"encryption,omitempty"` // srtp or rtp
	Received   uint64     `json:"received"`             // packets, as the server saw them
	Lost       uint64     `json:"lost"`
	Jitter     float64    `json:"jitter"` // seconds (RFC 3550 §6.4.1)
}

// A Quality is what a device says of its own leg of a call.
type Quality struct {
	Codec  string  `json:"codec"`
	Loss   float64 `json:"loss"`   // share of packets that never came, 0 to 1
	Jitter float64 `json:"jitter"` // seconds
	Delay  float64 `json:"delay"`  // seconds, of the buffer and, where that was measured, the round trip

	Concealed float64 `json:"concealed,omitempty"` // share of the sound that was guessed, 0 to 1
	MOS       float64 `json:"mos,omitempty"`       // mean opinion by the E-model, 1 to 4.5; 0: not known
}

// Encryption says what protected a call's sound on the extension's own side
// and on the far side: "srtp", "rtp", "mixed", or empty where none flowed.
type Encryption struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// The reasons of calls, and of their legs, that are no SIP status: all that there are.
const (
	Interrupted = "interrupted" // a stop of the server cut it
	NotPickedUp = "notPickedUp" // a call by click: none of the user's own telephones was answered

	TooManyCalls = "tooManyCalls" // the extension has as many outside calls as it may
	MinutesUsed  = "minutesUsed"  // the outside minutes that the extension has each day are used up
	NoTrunk      = "noTrunk"      // no line to the outside took it
)
