package local

import "slices"

// A Type is a JMAP type that the mirror follows.
type Type string

// The types of the mirror.
const (
	VoicemailType Type = "Voicemail"
	CallType      Type = "Call"
	FaxType       Type = "Fax"
	ExtensionType Type = "Extension" // the office's directory

	VoicemailSettingsType  Type = "VoicemailSettings"
	ForwardingSettingsType Type = "ForwardingSettings"
	CallerIDSettingsType   Type = "CallerIdSettings"
	ProfileType            Type = "Profile"
	AvailabilityType       Type = "Availability"
)

// Lists are the types of which an account has many objects, in the order in which
// they are worth reading.
var Lists = []Type{ExtensionType, VoicemailType, FaxType, CallType}

// Singletons are the types of which an account has one object, whose id is
// office.Singleton.
var Singletons = []Type{VoicemailSettingsType, ForwardingSettingsType, CallerIDSettingsType, ProfileType, AvailabilityType}

// IsSingleton reports whether an account has one object of t.
func (t Type) IsSingleton() bool { return slices.Contains(Singletons, t) }

// table returns where the objects of t are.
func (t Type) table() string {
	switch t {
	case VoicemailType:
		return "voicemail"
	case CallType:
		return "call"
	case FaxType:
		return "fax"
	case ExtensionType:
		return "extension"
	}
	return "setting"
}
