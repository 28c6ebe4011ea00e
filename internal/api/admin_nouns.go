package api

import (
	"time"

	"timbre/internal/office"
)

// A Company is the office as its administrator sets it. What is empty stays as it
// is; only the region may be empty the first time, for office.DefaultRegion.
type Company struct {
	Number office.Number `json:"number,omitempty"`
	Name   string        `json:"name,omitempty"`
	Region office.Region `json:"region,omitempty"`
}

// A NewExtension is what an administrator says of a new extension.
type NewExtension struct {
	Number   office.Number   `json:"number"`
	Name     string          `json:"name"`
	Email    string          `json:"email,omitempty"`
	Language office.Language `json:"language,omitempty"` // empty: office.Spanish
	Ring     office.Duration `json:"ring,omitempty"`     // zero: office.DefaultRingTime
	Password string          `json:"password,omitempty"` // empty: one is made
}

// An ExtensionChange is what is to change of an extension; nil fields stay.
type ExtensionChange struct {
	Name     *string          `json:"name,omitempty"`
	Email    *string          `json:"email,omitempty"`
	Language *office.Language `json:"language,omitempty"`
	Ring     *office.Duration `json:"ring,omitempty"`
	Password *string          `json:"password,omitempty"`
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
// false and Listeners, Fingerprint, Registered and LiveCalls are zero.
type Status struct {
	Version   string    `json:"version"`
	Running   bool      `json:"running"`
	Database  string    `json:"database"` // sqlite or postgres
	Company   *Company  `json:"company"`  // nil: not set up yet
	Listeners Listeners `json:"listeners"`
	// Fingerprint is what users compare at their first login; empty: the
	// certificate is of a public authority.
	Fingerprint office.Fingerprint `json:"fingerprint"`
	Extensions  int                `json:"extensions"`
	Devices     int                `json:"devices"`
	Sessions    int                `json:"sessions"`
	Registered  int                `json:"registered"` // devices with a binding
	LiveCalls   int                `json:"liveCalls"`
}

// Listeners are the addresses at which a server is reached, from outside where it
// takes connections from there; empty ones are not listened on.
type Listeners struct {
	HTTPS string `json:"https"`
	SIP   string `json:"sip"`
	SIPS  string `json:"sips"`
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
