package office

// An Error is one of the closed list of things that can go wrong between the
// two doors. Its text is the code that travels; what a user reads is made from
// it in one place on each door. Wrap it with context, find it with errors.Is.
type Error string

func (e Error) Error() string { return string(e) }

// The kinds of errors. Only ErrOffline, ErrUnavailable and ErrTooMany are worth
// a retry by a machine; the others need a person.
const (
	ErrLogin       Error = "wrongLogin"      // company, extension or password: it is never said which
	ErrSession     Error = "sessionEnded"    // the token is unknown, expired or revoked
	ErrInvitation  Error = "invitationEnded" // it is unknown, used or over
	ErrTooMany     Error = "tooManyRequests"
	ErrOffline     Error = "offline"     // the server cannot be reached
	ErrUnavailable Error = "unavailable" // the server is there but cannot serve now
	ErrFingerprint Error = "fingerprint" // the server's certificate is not the office's
	ErrClock       Error = "wrongClock"  // the certificate is the office's, but not of this time
	ErrKeychain    Error = "keychain"    // the system's keychain does not tell a key that is needed
	ErrNotFound    Error = "notFound"
	ErrExists      Error = "alreadyExists"
	ErrNumber      Error = "invalidNumber"
	ErrExtension   Error = "invalidExtension"
	ErrName        Error = "invalidName"
	ErrPassword    Error = "invalidPassword" // shorter than MinPassword or longer than MaxPassword
	ErrRingTime    Error = "invalidRingTime"
	ErrEmail       Error = "invalidEmail"
	ErrRegion      Error = "invalidRegion"
	ErrTimeZone    Error = "invalidTimeZone"
	ErrLanguage    Error = "invalidLanguage"
	ErrPIN         Error = "invalidPin" // not 4 to 8 digits, or one that anybody would guess
	ErrWrongPIN    Error = "wrongPin"
	ErrClass       Error = "invalidClass"
	ErrLimit       Error = "invalidLimit" // a count or a time outside its bounds
	ErrTrunk       Error = "invalidTrunk"
	ErrMailing     Error = "invalidMailServer"
	ErrGreeting    Error = "invalidGreeting" // not WAV or MP3, too long or too large
	ErrFax         Error = "invalidFax"      // not PDF or TIFF, or too large
	ErrForwarding  Error = "invalidForwarding"
	ErrNotAllowed  Error = "notAllowed" // the rights of the extension do not cover it
	ErrNoTrunk     Error = "noTrunk"    // no line to the outside works now
	ErrNoDevice    Error = "noDevice"   // none of the extension's devices can be rung
	ErrDisabled    Error = "extensionDisabled"
	ErrNotEmpty    Error = "notEmpty" // a folder that is to be restored into
	ErrBackup      Error = "invalidBackup"
	ErrRefused     Error = "refused" // the server said no to a change for good
	ErrInUse       Error = "dataInUse"
	ErrNewerSchema Error = "newerSchema"
	ErrNoCompany   Error = "noCompany" // the office has not been set up yet
)
