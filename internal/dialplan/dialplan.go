// Package dialplan turns what somebody dialled into where it leads. It owns the
// numbering of the office and the rights to use it, and nothing else: it is
// pure functions over a table that the caller fills; it keeps no state and opens
// nothing. pbx calls Route once for every call.
package dialplan

import (
	"strings"

	"timbre/internal/office"
)

// Echo is the service code of the echo test.
const Echo office.Number = "*43"

// voicemailPrefix stands before an extension's number where its voicemail is
// meant and not its phones: sip:vm-102@domain.
const voicemailPrefix = "vm-"

// A Kind is what sort of place a destination is.
type Kind int

// The kinds of destinations. The zero Kind is NotFound.
const (
	NotFound  Kind = iota // nothing has that number: 404
	Extension             // the phones of the extension Number
	Voicemail             // the voicemail of the extension Number, without ringing it
	EchoTest              // the caller's own voice
)

// A Destination is where a call goes. Number is the extension of the kinds that
// have one, else what was dialled in its plain form, for the call log.
type Destination struct {
	Kind   Kind
	Number office.Number
}

// A Table is what the office has. HasExtension reports whether a number belongs
// to an extension of the office.
type Table struct {
	HasExtension func(office.Number) bool
}

// Route returns where dialled, the user part of a SIP URI, leads for a call
// from the extension from. Spaces and punctuation are no obstacle. What leads
// nowhere is NotFound, with an empty Number where it is not even a number.
func Route(from office.Extension, dialled string, t Table) Destination {
	rest, toVoicemail := strings.CutPrefix(dialled, voicemailPrefix)
	n, err := office.ParseNumber(rest)
	switch {
	case err != nil:
		return Destination{}
	case n.IsExtension() && t.HasExtension(n) && toVoicemail:
		return Destination{Voicemail, n}
	case n.IsExtension() && t.HasExtension(n):
		return Destination{Extension, n}
	case n == Echo && !toVoicemail:
		return Destination{EchoTest, n}
	}
	return Destination{NotFound, n}
}
