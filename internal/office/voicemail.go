package office

import "time"

// Limits of a voicemail message.
const (
	MinVoicemail = 2 * time.Second // shorter recordings are hang-ups, not messages
	MaxVoicemail = 3 * time.Minute
)

// VoicemailType is the media type of every stored message.
const VoicemailType = "audio/mpeg"

// A Voicemail is one message left for an extension. Its sound is the blob
// BlobID, Size bytes of MP3 (16 kHz mono, 32 kbit/s).
type Voicemail struct {
	ID          ID        `json:"id"`
	From        Party     `json:"from"`
	ReceivedAt  time.Time `json:"receivedAt"`
	Duration    Duration  `json:"duration"`
	IsNew       bool      `json:"isNew"`
	IsTruncated bool      `json:"isTruncated"` // cut short by a stop of the server or a full disk
	BlobID      ID        `json:"blobId"`
	Size        int64     `json:"size"`
	Type        string    `json:"type"`
}

// Stored returns how many bytes v takes: its sound, and the recording of which that
// was made, which is kept beside it: MasterBytes for each second.
func (v Voicemail) Stored() int64 {
	return v.Size + time.Duration(v.Duration).Milliseconds()*MasterBytes/1000
}

// MasterBytes is how many bytes a second of a recording takes: 8,000 samples of 16
// bits.
const MasterBytes = 16000

// Limits of a mailbox: it is full at either.
const (
	MaxMessages     = 100
	MaxMailboxBytes = 100 << 20 // of what is Stored
)

// A Mailbox says how full an extension's voicemail is.
type Mailbox struct {
	Messages int
	New      int   // of Messages
	Bytes    int64 // that all of them take, see Voicemail.Stored
}

// Fullness returns how much of the mailbox is used, in per cent.
func (m Mailbox) Fullness() int {
	return max(m.Messages*100/MaxMessages, int(m.Bytes*100/MaxMailboxBytes))
}

// IsFull reports whether the mailbox takes no more messages.
func (m Mailbox) IsFull() bool { return m.Fullness() >= 100 }
