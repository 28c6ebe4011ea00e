package office

// A NumberFormat is how a carrier wants numbers to be written.
type NumberFormat string

// The formats.
const (
	E164           NumberFormat = "e164"     // +525555550123
	NationalFormat NumberFormat = "national" // 5555550123; abroad with the region's international prefix
)

// A Trunk is a line to the outside: a carrier that is dialled, and that calls
// the office's numbers. Its password is not part of it.
type Trunk struct {
	ID        ID           `json:"id"`
	Name      string       `json:"name"`
	URI       string       `json:"uri"`       // sip:host or sip:host:port
	Transport string       `json:"transport"` // udp, tcp or tls
	Register  bool         `json:"register"`  // else the carrier knows us by our address
	Username  string       `json:"username"`
	Priority  int          `json:"priority"` // lowest first
	Format    NumberFormat `json:"format"`
	T38       bool         `json:"t38"`
}

// A Line is one of the office's own outside numbers and who it rings.
type Line struct {
	Number     Number   `json:"number"`     // E.164
	Extensions []Number `json:"extensions"` // ring together
	Fax        bool     `json:"fax"`
	Menu       bool     `json:"menu"` // reaches the voicemail menu (*98) and no extension
}

// Mailing is how the office sends e-mail. Its password is not part of it.
type Mailing struct {
	URL  string `json:"url"` // smtp://user@host:port (STARTTLS), smtps://… (TLS)
	From string `json:"from"`
}
