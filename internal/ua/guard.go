package ua

import (
	"github.com/emiago/sipgo/sip"
)

// parser is what the stack parses with; the guard uses it to try a message where
// a panic can be caught.
var parser = sip.NewParser()

// guarded is check and a trial of the stack's own parser, which has no recover:
// what passes here will not end the process there.
func guarded(msg []byte, stream bool) (f fault) {
	defer func() {
		if recover() != nil {
			f = bad("Bad Request")
		}
	}()
	if f = check(msg, stream); f != (fault{}) {
		return f
	}
	if _, _, err := parser.Parse(msg, false); err != nil {
		return bad("Bad Request")
	}
	return fault{}
}
