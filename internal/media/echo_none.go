//go:build !speexdsp

package media

// EchoAvailable tells whether this binary takes the echo of the speaker, and
// noise, out of what the microphone hears.
const EchoAvailable = false

func newCanceller() canceller { return nil }
