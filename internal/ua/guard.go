package ua

import (
	"github.com/emiago/sipgo/sip"

	"timbre/internal/sipguard"
)

// badRequest is the fault of a message on which the parser fails.
var badRequest = sipguard.Fault{Status: 400, Reason: "Bad Request"}

// parser is what the stack parses with; the guard uses it to try a message where
// a panic can be caught.
var parser = sip.NewParser()

// guarded is the guard and a trial of the stack's own parser, which has no recover:
// what passes here will not end the process there.
func guarded(msg []byte, stream bool) (f sipguard.Fault) {
	defer func() {
		if recover() != nil {
			f = badRequest
		}
	}()
	if f = sipguard.Check(msg, stream); f != (sipguard.Fault{}) {
		return f
	}
	if _, _, err := parser.Parse(msg, false); err != nil {
		return badRequest
	}
	return sipguard.Fault{}
}
