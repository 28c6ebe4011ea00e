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
