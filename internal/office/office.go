// Package office is the vocabulary of Timbre: the nouns of a small office's
// telephone system and the rules that hold for them. Both doors, the desktop
// app and the companion server, import it and mean the same thing by it. It
// keeps nothing, opens nothing and imports only the standard library.
//
// The struct tags are the property names of the sync protocol (RFC 8620
// style, camelCase): a noun is marshalled as it stands.
package office

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"
)

// An ID names a row, a blob, an account or a device. It is 12 random lower-case
// letters and digits (60 bits), safe in URLs and as a JMAP Id (RFC 8620 §1.2).
type ID string

// NewID returns a fresh random ID.
func NewID() ID {
	var b [8]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return ID(strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:12])
}

// Valid reports whether id can name anything: 1 to 255 letters, digits, dashes
// and underscores of ASCII (RFC 8620 §1.2). What comes from outside may not.
func (id ID) Valid() bool {
	return id != "" && len(id) <= 255 && strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// A Region is an ISO 3166-1 alpha-2 country code, such as "MX". It decides what
// a national number looks like.
type Region string

// DefaultRegion is where an office is unless its administrator says otherwise.
const DefaultRegion Region = "MX"

// A Company is the one office that a server serves.
type Company struct {
	Number   Number // main number in E.164, what users type at login
	Name     string
	Region   Region
	TimeZone string // of the IANA, such as "America/Tijuana"; empty: the region's, see Location
	Email    string // of the administrator, who is told of what needs a person
}

// DefaultRingTime is how long an extension rings before its voicemail answers.
const DefaultRingTime = 25 * time.Second

// An Extension is one person's line in the office: a short number, a name and
// the account that owns everything kept for it.
type Extension struct {
	Number   Number
	Account  ID // random, so that account ids tell nothing of the numbering
	Name     string
	Email    string
	Language Language
	RingTime time.Duration

	Rights    Rights
	CallLimit int  // calls at the same time before it is busy
	Disabled  bool // cannot log in, register, call or be called; everything is kept
}

// WithDefaults returns e with the language, the ring time, the rights and the
// call limit that an extension has unless somebody says otherwise.
func (e Extension) WithDefaults() Extension {
	if e.Rights.Classes == "" {
		e.Rights = DefaultRights()
	}
	if e.CallLimit == 0 {
		e.CallLimit = DefaultCallLimit
	}
	if e.Language == "" {
		e.Language = Spanish
	}
	if e.RingTime == 0 {
		e.RingTime = DefaultRingTime
	}
	return e
}

// A Device is one telephone of an extension: a desk phone that the
// administrator added, or the softphone of one login session.
type Device struct {
	ID        ID
	Extension Number
	Name      string
	Username  string // SIP user name, random: it does not follow from the extension
	Session   bool   // made by a login, gone with its session
	CreatedAt time.Time
	LastUsed  time.Time // zero if it never registered
}

// SIPAccount is what a phone needs to register. The password is the device's
// own random secret, never the user's.
type SIPAccount struct {
	Username string   `json:"username"`
	Password string   `json:"password"`
	Domain   string   `json:"domain"`
	URIs     []string `json:"uris"` // in order of preference, such as "sips:host:5061"
}

// A Language is a BCP 47 tag of one of the two languages Timbre speaks.
type Language string

// The languages of prompts, pages and errors.
const (
	Spanish Language = "es-MX"
	English Language = "en"
)
