package ua

import (
	"net/netip"
	"time"
)

// A Contact is an address at which a device can be reached.
type Contact struct {
	URI     string        // as registered
	Expires time.Duration // asked for or granted; 0 removes the contact; negative: not said
	Q       float64       // preference from 0 to 1; 1 where not said
}

// A Registration is one REGISTER of an authenticated device, to be answered once
// with Accept or Reject; OnRegister's return without either answers 500.
type Registration struct {
	Username  string // proved by the digest; empty where nobody is challenged
	User      string // user part of the address of record
	Contacts  []Contact
	All       bool // "Contact: *": remove every contact
	CallID    string
	Sequence  uint32
	Source    netip.AddrPort
	Transport string // "udp", "tcp" or "tls"
	Agent     string // User-Agent, cleaned
}

// Accept answers 200 with the contacts that are now bound.
func (r *Registration) Accept(bound []Contact) error { return ErrClosed }

// Reject refuses the registration with a status from 300 to 699.
func (r *Registration) Reject(code int, headers ...Headers) error { return ErrClosed }
