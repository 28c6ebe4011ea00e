package api

import (
	"time"

	"timbre/internal/office"
)

// A Company is the office as its administrator sets it. What is empty stays as it
// is; only the region may be empty the first time, for office.DefaultRegion.
type Company struct {
	Number   office.Number `json:"number,omitempty"`
	Name     string        `json:"name,omitempty"`
	Region   office.Region `json:"region,omitempty"`
	TimeZone string        `json:"timeZone,omitempty"` // of the IANA; in answers the region's where none was set
	Email    string        `json:"email,omitempty"`    // of the administrator, who is told of what needs a person
}

// A NewExtension is what an administrator says of a new extension.
type NewExtension struct {
	Number   office.Number   `json:"number"`
	Name     string          `json:"name"`
	Email    string          `json:"email,omitempty"`
	Language office.Language `json:"language,omitempty"` // empty: office.Spanish
	Ring     office.Duration `json:"ring,omitempty"`     // zero: office.DefaultRingTime
	Password string          `json:"password,omitempty"` // empty: one is made

	Allow     office.Classes `json:"allow,omitempty"` // whom it may call; empty: as office.DefaultRights, as all that is nil
	MaxCalls  *int           `json:"maxCalls,omitempty"`
	Minutes   *int           `json:"minutes,omitempty"`
	CallLimit *int           `json:"callLimit,omitempty"`
}

// An ExtensionChange is what is to change of an extension; nil fields stay.
type ExtensionChange struct {
	Name     *string          `json:"name,omitempty"`
	Email    *string          `json:"email,omitempty"`
	Language *office.Language `json:"language,omitempty"`
	Ring     *office.Duration `json:"ring,omitempty"`
	Password *string          `json:"password,omitempty"`

	Allow     *office.Classes `json:"allow,omitempty"`
	MaxCalls  *int            `json:"maxCalls,omitempty"`
	Minutes   *int            `json:"minutes,omitempty"`
	CallLimit *int            `json:"callLimit,omitempty"`
	Disabled  *bool           `json:"disabled,omitempty"`
}

// An Extension is one line of `timbred extension list`. Password is there
// only in the answer that made it.
type Extension struct {
	Number   office.Number   `json:"number"`
	Name     string          `json:"name"`
	Email    string          `json:"email"`
	Language office.Language `json:"language"`
	Ring     office.Duration `json:"ring"`
	Password string          `json:"password,omitempty"`

	Allow     office.Classes `json:"allow"`
	MaxCalls  int            `json:"maxCalls"`  // to the outside at the same time; 0: any number
	Minutes   int            `json:"minutes"`   // to the outside a day; 0: any number
	CallLimit int            `json:"callLimit"` // at the same time before it is busy
	Disabled  bool           `json:"disabled"`
	HasPIN    bool           `json:"hasPin"`
}

// A Device is one telephone of an extension. Password, Domain and SIP are there
// only in the answer that made it.
type Device struct {
	ID         office.ID     `json:"id"`
	Extension  office.Number `json:"extension"`
	Name       string        `json:"name"`
	Username   string        `json:"username"`
	Session    bool          `json:"session"` // made by a login, gone with it
	Registered bool          `json:"registered"`
	CreatedAt  time.Time     `json:"createdAt"`
	Password   string        `json:"password,omitempty"`
	Domain     string        `json:"domain,omitempty"`
	SIP        []string      `json:"sip,omitempty"`
}

// A Status is what `timbred status` shows. Without a running server Running is
// false, and Listeners, Fingerprint, Registered, LiveCalls, CertificateEnds and
// the states of the trunks are not known.
type Status struct {
	Version   string    `json:"version"`
	Running   bool      `json:"running"`
	Database  string    `json:"database"` // sqlite or postgres
	Company   *Company  `json:"company"`  // nil: not set up yet
	Listeners Listeners `json:"listeners"`
	// Fingerprint is what users compare at their first login; empty: the
	// certificate is of a public authority.
	Fingerprint     office.Fingerprint `json:"fingerprint"`
	CertificateEnds *time.Time         `json:"certificateEnds"` // it renews itself before, if the office made it
	Extensions      int                `json:"extensions"`
	Devices         int                `json:"devices"`
	Sessions        int                `json:"sessions"`
	Registered      int                `json:"registered"` // devices with a binding
	LiveCalls       int                `json:"liveCalls"`
	Trunks          []Trunk            `json:"trunks"`
	Mail            MailQueue          `json:"mail"`
	Disk            Disk               `json:"disk"`
	LastBackup      *time.Time         `json:"lastBackup"` // that was found whole; nil: none ever was
	Retention       Retention          `json:"retention"`
}

// A MailQueue is the e-mail that has not been sent.
type MailQueue struct {
	Set       bool       `json:"set"` // the office can send e-mail (timbred smtp set)
	Waiting   int        `json:"waiting"`
	Held      int        `json:"held"` // since a backup was restored, until timbred mail release
	GivenUp   int        `json:"givenUp"`
	Oldest    *time.Time `json:"oldest"` // of those that wait
	LastError string     `json:"lastError"`
	ErrorAt   *time.Time `json:"errorAt"` // when that was
}

// A Disk is that of the data folder, in bytes.
type Disk struct {
	Used  int64 `json:"used"`
	Total int64 `json:"total"`
}

// Listeners are the addresses at which a server is reached, from outside where it
// takes connections from there; empty ones are not listened on.
type Listeners struct {
	HTTPS string `json:"https"`
	SIP   string `json:"sip"`
	SIPS  string `json:"sips"`
}

// An Audit is one line of `timbred audit`.
type Audit struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
	About  string    `json:"about"`
	Result string    `json:"result"` // ok, the code of a refusal, or "" where the server was stopped meanwhile
}

// A NewToken is the name that a token of an administrator gets.
type NewToken struct {
	Name        string `json:"name"`
	OnlyMetrics bool   `json:"onlyMetrics,omitempty"` // it opens /metrics and nothing else
}

// A Token opens the administration over HTTPS, or /metrics alone. Token is there
// only in the answer that made it.
type Token struct {
	Name        string    `json:"name"`
	OnlyMetrics bool      `json:"onlyMetrics"`
	CreatedAt   time.Time `json:"createdAt"`
	Token       string    `json:"token,omitempty"`
}

// A LoginSession is one login of an extension's user.
type LoginSession struct {
	ID         office.ID     `json:"id"`
	Extension  office.Number `json:"extension"`
	DeviceName string        `json:"deviceName"`
	Address    string        `json:"address"`
	CreatedAt  time.Time     `json:"createdAt"`
	LastUsedAt time.Time     `json:"lastUsedAt"`
	ExpiresAt  time.Time     `json:"expiresAt"`
}

// A Revoked says how many sessions were ended.
type Revoked struct {
	Sessions int `json:"sessions"`
}

// An Invitation lets the user of an extension choose a password once.
type Invitation struct {
	Extension office.Number `json:"extension"`
	Link      string        `json:"link"` // holds the token: whoever has it can choose the password
	ExpiresAt time.Time     `json:"expiresAt"`
}

// A NewPIN is a PIN that the administrator gives to an extension; empty: it has
// none any more.
type NewPIN struct {
	PIN string `json:"pin,omitempty"`
}

// A NewTrunk is a trunk with its password.
type NewTrunk struct {
	office.Trunk
	Password string `json:"password,omitempty"`
}

// A TrunkChange is what is to change of a trunk; nil fields stay.
type TrunkChange struct {
	URI       *string              `json:"uri,omitempty"`
	Transport *string              `json:"transport,omitempty"`
	Register  *bool                `json:"register,omitempty"`
	Username  *string              `json:"username,omitempty"`
	Password  *string              `json:"password,omitempty"`
	Priority  *int                 `json:"priority,omitempty"`
	Format    *office.NumberFormat `json:"format,omitempty"`
	T38       *bool                `json:"t38,omitempty"`
}

// A Trunk is a line to the outside with its state, which is nil where no server
// runs.
type Trunk struct {
	office.Trunk
	State *TrunkState `json:"state"`
}

// A TrunkState is what is known of a trunk now.
type TrunkState struct {
	Up         bool      `json:"up"` // calls are expected to go through
	Registered bool      `json:"registered"`
	Reachable  bool      `json:"reachable"`
	LastError  string    `json:"lastError"` // the last failure; it stays when the trunk works again
	ErrorAt    time.Time `json:"errorAt"`   // when that was
	Since      time.Time `json:"since"`     // since when it is as it is
}

// A NewMailing is how the office sends e-mail, with the password.
type NewMailing struct {
	office.Mailing
	Password string `json:"password,omitempty"`
}

// A MailTest says where a test message goes; empty: to the administrator.
type MailTest struct {
	To string `json:"to,omitempty"`
}

// A Retention is how long the log and the messages are kept; zero: until
// somebody deletes them.
type Retention struct {
	Calls     office.Duration `json:"calls"`
	Voicemail office.Duration `json:"voicemail"`
}

// A RetentionChange is what is to change of a Retention; nil fields stay.
type RetentionChange struct {
	Calls     *office.Duration `json:"calls,omitempty"`
	Voicemail *office.Duration `json:"voicemail,omitempty"`
}

// A Released says how many e-mails or faxes were let go.
type Released struct {
	Mails int `json:"mails,omitempty"`
	Faxes int `json:"faxes,omitempty"`
}

// A Taken is a backup that was read back and found whole.
type Taken struct {
	At   time.Time `json:"at"`
	Size int64     `json:"size"` // bytes
}

// MaxKeep is how long at most what a removed extension had is kept.
const MaxKeep = 366 * 24 * time.Hour

// A NewDevice is what an administrator says of a new telephone.
type NewDevice struct {
	Name string `json:"name"`
}

// A NewPassword is a password that the administrator gives to an extension;
// empty: one is made.
type NewPassword struct {
	Password string `json:"password,omitempty"`
}
