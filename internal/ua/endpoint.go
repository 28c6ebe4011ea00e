// Package ua is the SIP user agent of both doors: it owns the transports, the
// transactions and the call legs, and everything of a leg that is on the wire:
// session descriptions, RTP, SRTP, telephone events. It knows no extensions,
// routes or devices; what arrives is handed to the callbacks of Config, what is
// wanted is dialled. Package pbx (the server) and softphone (the phone) call it.
//
// Transactions, transport bookkeeping and dialog state come from sipgo and diago,
// which this package alone imports. Neither of them survives all that may arrive
// from a network, so every message passes our own guard first (guard.go), and the
// media is ours.
//
// The RFCs: 3261 (SIP), 3264 (offer/answer), 3550 (RTP), 3711 and 4568 (SRTP with
// keys in SDP), 4733 (telephone events), 5626 §3.5.1 (keep-alive), 7616 and 8760
// (digest).
package ua

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
)

// A Config says where an Endpoint listens and whom it tells. The sockets are
// bound by the caller and closed by Run.
type Config struct {
	Log       *slog.Logger
	Agent     string         // User-Agent and Server
	Host      string         // host of From and To; a server's domain or a phone's registrar
	UDP       net.PacketConn // nil: none
	TCP       net.Listener   // nil: none
	TLS       net.Listener   // plain listener; what it accepts is wrapped with ServerTLS; nil: none
	ServerTLS *tls.Config
	ClientTLS *tls.Config // nil: no TLS connection is ever dialled
	Media     Media
	Digest    Digest // zero: nobody is challenged

	// OnInvite has one goroutine per incoming call. Its return before an answer
	// rejects the call with 480, after an answer it hangs up. A panic in it is
	// logged and counts as a return, with 500.
	OnInvite func(ctx context.Context, in *Incoming)
	// OnRegister answers one authenticated REGISTER. Nil: 405.
	OnRegister func(ctx context.Context, r *Registration)
}

// Media says how RTP sockets are bound and named. The zero Media lets the kernel
// choose ports and names the interface that leads to the peer.
type Media struct {
	PortMin, PortMax int            // inclusive; even ports are used
	Public           netip.Addr     // in SDP and Contact towards peers outside Local; invalid: none
	Local            []netip.Prefix // networks whose peers reach us at our own address; empty: private and loopback ones
}

// An Endpoint is one SIP user agent on its sockets. It is safe for concurrent use.
type Endpoint struct {
	cfg Config
}

// ErrClosed is returned by calls on an Endpoint whose Run is not running, and on
// a Leg that has ended.
var ErrClosed = errors.New("endpoint or call is closed")

// New prepares an endpoint on the sockets of cfg. It starts nothing.
func New(cfg Config) (*Endpoint, error) { return &Endpoint{cfg: cfg}, nil }

// Run serves until ctx ends: then it hangs up every call, closes the sockets and
// returns nil when all its goroutines are gone. It returns an error only where a
// socket fails. It can run once.
func (e *Endpoint) Run(ctx context.Context) error { return ErrClosed }
