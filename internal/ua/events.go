package ua

// TakesEvents reports whether the far side takes telephone events: SendDigit sends
// one then, and INFO otherwise.
func (l *Leg) TakesEvents() bool { return l.sound.TakesEvents() }
