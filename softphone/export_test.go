package softphone

import "time"

// SetRingTime changes how long an incoming call rings at most. It is called before Run.
func SetRingTime(p *Phone, d time.Duration) { p.ringTime = d }
