package office

import "time"

// A NoticeKind is what an e-mail of the office is about.
type NoticeKind string

// The kinds of notices. The first four go to an extension's user, the others to
// the administrator.
const (
	NoticeVoicemail    NoticeKind = "voicemail"    // a message was left
	NoticeMailboxFull  NoticeKind = "mailboxFull"  // Count per cent of what a mailbox holds
	NoticeWrongPIN     NoticeKind = "wrongPin"     // Count wrong PINs in a row from From
	NoticeEmailChanged NoticeKind = "emailChanged" // to Address; goes to the former one
	NoticeEmergency    NoticeKind = "emergency"    // Extension called Number
	NoticeManyCalls    NoticeKind = "manyCalls"    // Count outside calls of Extension in a few minutes
	NoticeDisk         NoticeKind = "disk"         // Count per cent of the disk are used
	NoticeClock        NoticeKind = "clock"        // the clock jumped: for a day nothing is deleted for its age
	NoticeTest         NoticeKind = "test"         // nothing but that e-mail works
)

// A Notice is what an e-mail of the office says. Fields that its kind does not
// need are zero. Voicemail is the message whose sound may be attached.
type Notice struct {
	Kind      NoticeKind `json:"kind"`
	At        time.Time  `json:"at"`
	Extension Number     `json:"extension,omitempty"`
	Name      string     `json:"name,omitempty"` // of the extension
	From      Party      `json:"from,omitzero"`
	Number    Number     `json:"number,omitempty"`
	Duration  Duration   `json:"duration,omitempty"`
	Voicemail ID         `json:"voicemail,omitempty"`
	Attach    bool       `json:"attach,omitempty"`
	Truncated bool       `json:"truncated,omitempty"` // the message, as Voicemail.IsTruncated
	Count     int        `json:"count,omitempty"`
	Address   string     `json:"address,omitempty"`
}
