package office

import "time"

// A FaxDirection says who sent a fax.
type FaxDirection string

// The directions of faxes.
const (
	FaxSent     FaxDirection = "out"
	FaxReceived FaxDirection = "in"
)

// A FaxState is how far a fax has come.
type FaxState string

// The states of faxes. One that is sent goes from queued over dialing and
// sending to one of sent, failed and canceled, and back to queued where another
// attempt is to be made. One that came in is received and stays so.
const (
	FaxQueued    FaxState = "queued"
	FaxDialing   FaxState = "dialing"
	FaxSending   FaxState = "sending"
	FaxDelivered FaxState = "sent"
	FaxFailed    FaxState = "failed"
	FaxCanceled  FaxState = "canceled"
	FaxArrived   FaxState = "received"
)

// IsFinished reports whether nothing will happen to a fax in state s any more: it
// may be deleted.
func (s FaxState) IsFinished() bool {
	switch s {
	case FaxDelivered, FaxFailed, FaxCanceled, FaxArrived:
		return true
	}
	return false
}

// IsCancelable reports whether a fax in state s can be canceled.
func (s FaxState) IsCancelable() bool { return s == FaxQueued || s == FaxDialing }

// A Fax is one document that an extension sent or received. Its pages are the
// blob BlobID, Size bytes of Type. Properties that it has not are empty, times
// and errors nil.
type Fax struct {
	ID         ID           `json:"id"`
	ClientRef  string       `json:"clientRef"` // a UUIDv7 that the client made: one fax for each, however often it is asked for
	ResendOf   ID           `json:"resendOf"`  // the fax that it is another try of
	Direction  FaxDirection `json:"direction"`
	Number     Number       `json:"number"` // of the other side
	Name       string       `json:"name"`
	IsNew      bool         `json:"isNew"` // of a received one: nobody has looked at it
	State      FaxState     `json:"state"`
	BlobID     ID           `json:"blobId"`
	Size       int64        `json:"size"`
	Type       string       `json:"type"`
	Pages      int          `json:"pages"`
	PagesDone  int          `json:"pagesDone"` // of Pages, that the other side has
	Attempts   []FaxAttempt `json:"attempts"`  // oldest first
	Error      *FaxError    `json:"error"`     // why it failed
	CreatedAt  time.Time    `json:"createdAt"`
	FinishedAt *time.Time   `json:"finishedAt"`
}

// A FaxAttempt is one try to send a fax. Result is a code, Text its details.
type FaxAttempt struct {
	At     time.Time `json:"at"`
	Result string    `json:"result"`
	Text   string    `json:"text"`
}

// A FaxError says why a fax failed for good. Code is for programs, Text for the
// details.
type FaxError struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Limits of a fax that is sent.
const (
	MaxFaxBytes = 20 << 20
	MaxFaxPages = 100
)

// The media types of documents that can be sent.
const (
	PDFType  = "application/pdf"
	TIFFType = "image/tiff"
)

// FaxType returns the media type of a document that begins with head, empty where
// it is none that can be sent. Eight octets are enough.
func FaxType(head []byte) string {
	switch h := string(head[:min(len(head), 5)]); {
	case h == "%PDF-":
		return PDFType
	case len(h) >= 4 && (h[:4] == "II*\x00" || h[:4] == "MM\x00*"):
		return TIFFType
	}
	return ""
}

// Party returns the other side of f.
func (f Fax) Party() Party { return Party{f.Number, f.Name} }
