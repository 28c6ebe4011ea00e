// Package dialplan turns what somebody dialled into where it leads, and a number
// into what a carrier understands. It owns the numbering of the office and of
// the world around it (ITU-T E.164), and the rights to use it, and nothing else:
// it keeps no state and opens nothing, and asks a Directory of the caller's who has
// which number. pbx calls Lookup for every call, Written for what goes out and
// Inbound for what comes in; api calls Lookup for what is to be dialled later.
package dialplan

import (
	"context"
	"errors"
	"strings"

	"timbre/internal/office"
)

// The service codes of the office. All others that begin with * are nobody's:
// those of carriers work from their own mobiles only.
const (
	Echo  office.Number = "*43" // one's own voice
	Own   office.Number = "*97" // one's own voicemail, after the PIN
	Other office.Number = "*98" // any voicemail, after its number and PIN

	pickUp = "*8" // stands before the extension whose call is to be answered
)

// voicemailPrefix stands before an extension's number where its voicemail is
// meant and not its phones: sip:vm-102@domain.
const voicemailPrefix = "vm-"

// conference is who mixes three parties: sip:conference@domain.
const conference = "conference"

// A Kind is what sort of place a destination is.
type Kind int

// The kinds of destinations. The zero Kind is NotFound.
const (
	NotFound   Kind = iota // nothing has that number: 404
	Extension              // the phones of the extension Number
	Voicemail              // the voicemail of the extension Number, without ringing it
	EchoTest               // the caller's own voice
	OwnMenu                // the caller's own voicemail
	OtherMenu              // the voicemail of whoever the caller says to be
	PickUp                 // the call that rings at the extension Number
	Conference             // the caller's calls mixed
	OwnLine                // Line, one of the office's own numbers, reached without leaving it
	Outside                // Number outside, by a trunk
	Emergency              // the emergency services, by any trunk, whoever calls
)

// A Destination is where a call goes. Number is the extension of the kinds that
// have one, the E.164 form of what is outside, else what was dialled in its plain
// form, for the call log. Class is what it counts as, and Allowed whether the
// rights of the caller cover that.
type Destination struct {
	Kind    Kind
	Number  office.Number
	Class   office.Class
	Allowed bool
	Line    office.Line // of OwnLine
}

// A Directory knows the numbers of the office; *store.Store is one. Its methods
// return office.ErrNotFound for a number that is nobody's.
type Directory interface {
	Extension(ctx context.Context, n office.Number) (office.Extension, error)
	LineOf(ctx context.Context, n office.Number) (office.Line, error)
}

// Lookup returns where dialled, the user part of a SIP URI, leads for a call that
// the extension from makes or causes in the office of d, in which an extension that
// is disabled has no number. Spaces and punctuation are no obstacle. Emergency
// numbers come first, then the office, then the world. What leads nowhere is
// NotFound, with an empty Number where it is not even a number. The error is the
// directory's; emergencies do not ask it.
func Lookup(ctx context.Context, d Directory, region office.Region, from office.Extension, dialled string) (Destination, error) {
	var failed error
	found := func(err error) bool {
		if err != nil && !errors.Is(err, office.ErrNotFound) {
			failed = err
		}
		return err == nil
	}
	place := route(from, dialled, numbering{
		region: region,
		hasExtension: func(n office.Number) bool {
			e, err := d.Extension(ctx, n)
			return found(err) && !e.Disabled
		},
		isOwn: func(n office.Number) (office.Line, bool) {
			l, err := d.LineOf(ctx, n)
			return l, found(err)
		},
	})
	return place, failed
}

// IsEmergency reports whether dialled leads to the emergency services, whoever
// calls.
func IsEmergency(dialled string, region office.Region) bool {
	n, err := office.ParseNumber(dialled)
	if err != nil {
		return false
	}
	_, is := emergency(n, region)
	return is
}

// A numbering is what the office has. hasExtension reports whether a number belongs
// to an extension of the office, isOwn returns the office's own number outside that
// n is, in E.164, if it is one.
type numbering struct {
	region       office.Region
	hasExtension func(office.Number) bool
	isOwn        func(n office.Number) (office.Line, bool)
}

// route is Lookup in t.
func route(from office.Extension, dialled string, t numbering) Destination {
	d := t.find(dialled)
	switch d.Kind {
	case Emergency, EchoTest, OwnMenu, OtherMenu:
		d.Allowed = true // a wish to be let in, or to be helped, is nobody's to refuse
	case NotFound:
	default:
		d.Allowed = from.Rights.Classes.Has(d.Class)
	}
	return d
}

// find returns where dialled leads, whoever calls.
func (t numbering) find(dialled string) Destination {
	if dialled == conference {
		return Destination{Kind: Conference, Number: conference, Class: office.Internal}
	}
	rest, toVoicemail := strings.CutPrefix(dialled, voicemailPrefix)
	n, err := office.ParseNumber(rest)
	if err != nil {
		return Destination{}
	}
	if toVoicemail {
		return t.extension(Voicemail, n, n)
	}
	if help, ok := emergency(n, t.region); ok {
		return Destination{Kind: Emergency, Number: help, Class: office.National}
	}
	if n[0] == '*' {
		return t.code(n)
	}
	if d := t.extension(Extension, n, n); d.Kind == Extension {
		return d
	}
	e164, class, err := ParseOutside(string(n), t.region)
	if err != nil {
		return Destination{Kind: NotFound, Number: n}
	}
	if line, ok := t.isOwn(e164); ok {
		return Destination{Kind: OwnLine, Number: e164, Class: office.Internal, Line: line}
	}
	return Destination{Kind: Outside, Number: e164, Class: class}
}

// extension returns the destination of that kind at the extension n, or NotFound
// with what was dialled.
func (t numbering) extension(k Kind, n, dialled office.Number) Destination {
	if !n.IsExtension() || !t.hasExtension(n) {
		return Destination{Kind: NotFound, Number: dialled}
	}
	return Destination{Kind: k, Number: n, Class: office.Internal}
}

// code returns where the service code n leads.
func (t numbering) code(n office.Number) Destination {
	switch n {
	case Echo:
		return Destination{Kind: EchoTest, Number: n, Class: office.Internal}
	case Own:
		return Destination{Kind: OwnMenu, Number: n, Class: office.Internal}
	case Other:
		return Destination{Kind: OtherMenu, Number: n, Class: office.Internal}
	}
	ext, _ := strings.CutPrefix(string(n), pickUp)
	return t.extension(PickUp, office.Number(ext), n) // what is no extension is nowhere
}
