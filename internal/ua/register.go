package ua

import (
	"context"
	"net/netip"
	"time"
)

// A RegisterConfig says where and as whom a phone registers.
type RegisterConfig struct {
	Domain    string         // host of the address of record
	Transport string         // "udp", "tcp" or "tls"
	Addr      netip.AddrPort // the registrar
	// Resolve, where given, is asked for the registrar before every attempt that
	// needs a new connection, in place of Addr.
	Resolve func(ctx context.Context) (netip.AddrPort, error)
	Auth    Credentials
	Expires time.Duration // asked for; 0: 10 min
	// OnState is told of every change, from the goroutine of RegisterLoop.
	OnState func(RegisterState)
}

// A RegisterState is how a phone stands with its registrar.
type RegisterState struct {
	Phase   RegisterPhase
	Status  int           // SIP status of a failure, 0 where there was no answer
	Err     error         // why Failed
	RetryIn time.Duration // until the next try, where Failed
	Expires time.Duration // granted, where Registered
}

// A RegisterPhase is the word for a RegisterState.
type RegisterPhase string

// The phases of a registration.
const (
	Registering  RegisterPhase = "registering"
	Registered   RegisterPhase = "registered"
	Failed       RegisterPhase = "failed"
	Unregistered RegisterPhase = "unregistered"
)

// RegisterLoop keeps cfg's device registered until ctx ends, then takes its own
// contact back (never another's), for at most 2 s, and returns nil. Failures are
// tried again after 1 s to 60 s with jitter; none ends the loop. It returns an
// error at once where cfg makes no sense or the endpoint does not run.
func (e *Endpoint) RegisterLoop(ctx context.Context, cfg RegisterConfig) error { return ErrClosed }
