package office

// Capability is that of an office's data in the JMAP session object
// (RFC 8620 §2).
const Capability = "urn:timbre:jmap:office"

// ProblemType stands before an Error in the type of a problem (RFC 9457): the
// way in which one travels over HTTPS.
const ProblemType = "urn:timbre:error:"
