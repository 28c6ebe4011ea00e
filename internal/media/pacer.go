package media

import "time"

// A Pacer is the schedule of audio that we make ourselves: frame n is due at
// start + n·ptime, whatever happened to the frames before. A loop that sleeps
// for what Next tells it therefore never drifts. It is used by one goroutine.
type Pacer struct {
	start time.Time
	ptime time.Duration
	next  int64
}

// NewPacer returns a schedule whose frame 0 is due at start.
func NewPacer(start time.Time, ptime time.Duration) *Pacer {
	return &Pacer{start: start, ptime: ptime}
}

// Next returns the number of the frame to send next and how long after now it
// is due, zero or less if it is due already. Frames whose successor is due too
// come too late for anybody: they are skipped, and n jumps. The caller derives
// from n both the timestamp and the place in what it plays.
func (p *Pacer) Next(now time.Time) (n int64, wait time.Duration) {
	if due := int64(now.Sub(p.start) / p.ptime); due > p.next {
		p.next = due
	}
	n = p.next
	p.next++
	return n, p.start.Add(time.Duration(n) * p.ptime).Sub(now)
}
