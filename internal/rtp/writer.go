package rtp

import "time"

// A writer numbers the packets of one leg. Sources come and go (the far
// phone, a prompt, another phone after a transfer); its own SSRC, sequence and
// timestamps go on without a gap.
type writer struct {
	ssrc      uint32
	sequence  uint16 // of the last packet sent
	timestamp uint32 // of the last packet sent
	at        time.Time

	started   bool
	source    uint32 // SSRC of the current source
	seqShift  uint16
	timeShift uint32
	digit     bool // a digit of our own is being sent
}

// next returns p under the leg's own numbers; clock is the codec's.
func (w *writer) next(p *Packet, clock int, now time.Time) packet {
	marker := p.Marker
	if !w.started || p.SSRC != w.source {
		w.join(p.Sequence, p.Timestamp, p.SSRC, clock, now)
		marker = true
	}
	r := packet{
		marker: marker, ssrc: w.ssrc, payload: p.Payload,
		sequence: p.Sequence + w.seqShift, timestamp: p.Timestamp + w.timeShift,
	}
	if int16(r.sequence-w.sequence) > 0 { // a late packet does not turn the numbers back
		w.sequence, w.timestamp, w.at = r.sequence, r.timestamp, now
	}
	return r
}

// join makes the numbers of a new source follow the last ones: the next sequence
// number, and the timestamp that the time passed asks for.
func (w *writer) join(sequence uint16, timestamp, ssrc uint32, clock int, now time.Time) {
	w.seqShift = w.sequence + 1 - sequence
	w.timeShift = w.timestamp + w.elapsed(clock, now) - timestamp
	w.source, w.started = ssrc, true
}

// elapsed is the time since the last packet in units of clock, at least one
// packet's and at most a minute.
func (w *writer) elapsed(clock int, now time.Time) uint32 {
	if w.at.IsZero() {
		return 0
	}
	d := min(max(now.Sub(w.at), 20*time.Millisecond), time.Minute)
	return uint32(d.Seconds() * float64(clock))
}
