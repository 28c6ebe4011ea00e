package office

// Capability is that of an office's data in the JMAP session object
// (RFC 8620 §2).
const Capability = "urn:timbre:jmap:office"

// NoState is the state of who knows nothing of a type yet: the changes since tell
// all there is, in pages. It holds in every office.
const NoState = "0"

// ProblemType stands before an Error in the type of a problem (RFC 9457): the
// way in which one travels over HTTPS.
const ProblemType = "urn:timbre:error:"

// SIPRealm is the realm of every office's devices. It is constant, so that the
// stored hashes outlive a change of the domain.
const SIPRealm = "timbre"

// The header fields between an office and Timbre's own phones, on INVITE, 18x,
// 200 and refusals.
const (
	CallHeader     = "Timbre-Call"      // the ID of the call in the receiver's log
	FarMediaHeader = "Timbre-Far-Media" // what protects the far side's sound: srtp, rtp or mixed
	ReasonHeader   = "Timbre-Reason"    // why the office refused: the Reason of the call in the log
)
