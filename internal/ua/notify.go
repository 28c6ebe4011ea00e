package ua

import "context"

// Notify tells t of an event without having been asked. Of t, the address, the
// parties, headers and credentials are taken. A refusal is a *StatusError, no
// answer one with 408, an unreachable address one with 503.
func (e *Endpoint) Notify(ctx context.Context, t Target, event, contentType string, body []byte) error {
	return ErrClosed
}
