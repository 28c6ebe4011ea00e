package softphone

import (
	"time"

	"timbre/internal/media"
)

// SetRingTime changes how long an incoming call rings at most. It is called before Run.
func SetRingTime(p *Phone, d time.Duration) { p.ringTime = d }

// SetWithout changes what is not done to the microphone's sound. It is called before Run.
func SetWithout(p *Phone, without Stages) { p.cfg.Without = without }

// NewVoice returns what a device gets from and gives to a call that nobody has answered
// yet: while the far side rings, and before.
func NewVoice(echo *media.Echo, ringing bool) (source, sink func(frame []int16)) {
	v := newVoice(echo, 0)
	v.ringback(ringing)
	return v.source, v.sink
}
