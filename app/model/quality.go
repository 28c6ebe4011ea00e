package model

import "timbre/softphone"

// Quality says why a call sounded badly, whose side it was and what to try; empty for
// one that sounded well.
func (p *Phrasebook) Quality(q softphone.Quality) string {
	switch q.Fault() {
	case softphone.DeviceGone:
		return p.Say("quality.noDevice")
	case softphone.DeviceStalls:
		return p.Say("quality.device")
	case softphone.FarSilent:
		return p.Say("quality.farSide")
	case softphone.PacketsLost:
		return p.Say("quality.loss", "percent", int(100*(q.Loss-q.Recovered)+0.5))
	case softphone.PacketsLate:
		return p.Say("quality.jitter")
	}
	return ""
}
