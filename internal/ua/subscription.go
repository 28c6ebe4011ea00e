package ua

import "time"

// A Subscription is a phone's wish to be told of an event (RFC 6665). It has one
// goroutine, that of Config.OnSubscribe, whose return ends it. The owner answers it
// once, with Accept or Reject, and then tells the state with Notify, first at once.
// Refreshes are answered, and the last state told again, without the owner.
type Subscription struct {
	Event    string        // the event package, one of Config.Events
	User     string        // user part of the URI that is watched, unescaped
	Username string        // proved by the digest; empty where nobody is challenged
	Expires  time.Duration // asked for; 0: the state is wanted once

	done chan struct{}
}

// Accept answers 200. The subscription lasts as long as was asked for, but at most
// expires.
func (s *Subscription) Accept(expires time.Duration) error { return ErrClosed }

// Reject refuses the subscription with a status from 300 to 699.
func (s *Subscription) Reject(code int) error { return ErrClosed }

// Notify tells the state and waits until the far side has taken it. It fails with
// ErrClosed where the subscription is over; a far side that knows nothing of it or
// does not answer ends it, with a *StatusError.
func (s *Subscription) Notify(contentType string, body []byte) error { return ErrClosed }

// Done is closed when the subscription is over: expired, ended by the far side, or
// the far side gone.
func (s *Subscription) Done() <-chan struct{} { return s.done }
