package softphone

import (
	"time"

	"timbre/internal/office"
)

// A Report is an event as one line of JSON: what `timbre phone --json` and
// `timbre call --json` print.
type Report struct {
	Event string    `json:"event"` // "registration" or "call"
	Time  time.Time `json:"time"`
	State string    `json:"state"`           // a RegistrationState or a CallState
	Error string    `json:"error,omitempty"` // of the registration or of the sound device

	// Of calls only.
	Call     office.ID       `json:"call,omitempty"`
	Kind     office.CallKind `json:"kind,omitempty"` // incoming or outgoing
	Peer     *office.Party   `json:"peer,omitempty"`
	Outcome  office.Outcome  `json:"outcome,omitempty"`
	Code     int             `json:"code,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Why      string          `json:"why,omitempty"`
	Secure   bool            `json:"secure,omitempty"`
	FarMedia string          `json:"farMedia,omitempty"`
	LogID    office.ID       `json:"logId,omitempty"`
	Seconds  float64         `json:"seconds,omitempty"` // of talk
	Codec    string          `json:"codec,omitempty"`
	Sent     uint64          `json:"sent,omitempty"` // packets, like the three below
	Received uint64          `json:"received,omitempty"`
	Lost     uint64          `json:"lost,omitempty"`
	Late     uint64          `json:"late,omitempty"`
	// Seconds of sound that was guessed, and that it waits for its turn now.
	Concealed float64 `json:"concealed,omitempty"`
	Delay     float64 `json:"delay,omitempty"`
}

// Report returns r as an event of now.
func (r Registration) Report(now time.Time) Report {
	out := Report{Event: "registration", Time: now.UTC(), State: string(r.State)}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return out
}

// Report returns s, a status of c, as an event of now.
func (c *Call) Report(s Status, now time.Time) Report {
	peer, stats := c.Peer(), c.Stats()
	out := Report{
		Event: "call", Time: now.UTC(), State: string(s.State), Call: c.ID(), Kind: office.Outgoing, Peer: &peer,
		Outcome: s.Outcome, Code: s.Code, Reason: s.Reason, Why: s.Why, Secure: s.Secure, FarMedia: s.FarMedia, LogID: s.LogID,
		Seconds: s.Duration(now).Seconds(), Codec: stats.Codec, Sent: stats.Sent, Received: stats.Received, Lost: stats.Lost,
		Late: stats.Late, Concealed: stats.Concealed.Seconds(), Delay: stats.Delay.Seconds(),
	}
	if c.Incoming() {
		out.Kind = office.Incoming
	}
	if s.AudioErr != nil {
		out.Error = s.AudioErr.Error()
	}
	return out
}
