package ua

import (
	"context"

	"timbre/internal/office"
)

// A Refer is the far side's wish that the call be transferred (RFC 3515). It is
// answered once, with Accept or Reject; one that is not is refused with 603 after
// 10 s. Once accepted, its progress is told until a final status ends it.
type Refer struct {
	To       string       // user part of Refer-To, unescaped
	ToHost   string       // its host; empty for a tel URI
	Replaces *Replaces    // the call to take over, where the transfer is attended; else nil
	By       office.Party // Referred-By: cleaned, not verified
}

// Accept answers 202 and tells that the transfer is being tried.
func (r *Refer) Accept() error { return ErrClosed }

// Reject refuses the transfer with a status from 300 to 699.
func (r *Refer) Reject(code int) error { return ErrClosed }

// Progress tells the far side how the transfer goes, as a SIP status of the call
// that it began. A status of 200 and more is the last. It fails with ErrClosed
// where the transfer was not accepted, is over, or the leg is.
func (r *Refer) Progress(code int) error { return ErrClosed }

// Refers brings the wishes of the far side that the call be transferred, one at a
// time: another is answered 491 while one is not over. It is never closed.
func (l *Leg) Refers() <-chan *Refer { return l.refers }

// Refer asks the far side to call uri instead of us, in place of replaces where
// that is not nil, and waits for the outcome: nil where that call was answered, a
// *StatusError with its status where it was not or where the far side refuses;
// ErrClosed where the leg ends before that is told.
func (l *Leg) Refer(ctx context.Context, uri string, replaces *Leg) error { return ErrClosed }
