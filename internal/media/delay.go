package media

import "math"

// delays remember how long the packets of the last seconds took, to tell how deep
// the buffer has to be and by how much the clock of the far side differs from that
// of the sound card. A delay is the time of the card at which a packet came less
// the time of its sound, in samples: only differences between delays mean anything.
// It is used by one goroutine and does not allocate.
type delays struct {
	rate int

	least  [8]int // of each of the last pieces of time
	piece  int    // index of the present one
	pieceT int    // samples since it began

	bins  [128]float32 // how often a packet came so much later than the fastest
	heard int          // packets

	worst  [6]int  // how much later than the fastest the latest was, in the last spans of time
	span   int     // index of the present one
	marks  [64]int // the least delay of each of the last spans of time
	marked int
	markT  int // samples since the present one began
}

const (
	unknown = math.MaxInt

	pieceTime = 4 // seconds; all pieces are 32 s
	markTime  = 4 // seconds; all marks are 256 s

	binPart      = 400 // a bin is 1/400 s
	firstBin     = 7   // 20 ms, before anything is known
	firstPackets = 50
	trust        = 3     // packets that are worth as much as that guess
	forgetting   = 0.999 // of the bins from one packet to the next
)

// reset forgets everything.
func (d *delays) reset(rate int) {
	*d = delays{rate: rate}
	d.bins[firstBin] = 1
	d.rebase()
}

// rebase forgets how long the fastest packet took.
func (d *delays) rebase() {
	for i := range d.least {
		d.least[i] = unknown
	}
	d.marked, d.markT = 0, 0
	d.marks[0] = unknown
}

// tick passes n samples of time.
func (d *delays) tick(n int) {
	if d.pieceT += n; d.pieceT >= pieceTime*d.rate {
		d.pieceT = 0
		d.piece = (d.piece + 1) % len(d.least)
		d.least[d.piece] = unknown
	}
	if d.markT += n; d.markT >= markTime*d.rate {
		d.markT = 0
		d.span = (d.span + 1) % len(d.worst)
		d.worst[d.span] = 0
		if d.marks[d.marked%len(d.marks)] != unknown {
			d.marked++
		}
		d.marks[d.marked%len(d.marks)] = unknown
	}
}

// add takes a packet into account. Its delay is by a clock that has been corrected
// by skew so far.
func (d *delays) add(delay, skew int) {
	d.least[d.piece] = min(d.least[d.piece], delay)
	mark := &d.marks[d.marked%len(d.marks)]
	*mark = min(*mark, delay-skew)

	later := delay - d.base()
	d.worst[d.span] = max(d.worst[d.span], later)
	bin := min(later*binPart/d.rate, len(d.bins)-1)
	keep := min(forgetting, float32(d.heard+trust)/float32(d.heard+trust+1))
	for i := range d.bins {
		d.bins[i] *= keep
	}
	d.bins[bin] += 1 - keep
	d.heard++
}

// base returns the delay of the fastest packet of the last half minute.
func (d *delays) base() int {
	least := unknown
	for _, l := range d.least {
		least = min(least, l)
	}
	return least
}

// quantile returns by how much later than the fastest the given part of the packets
// comes at most, in samples; no more than the latest of the last 20 s was.
func (d *delays) quantile(part float32) int {
	latest := d.rate / binPart
	for _, w := range d.worst {
		latest = max(latest, w)
	}
	if d.heard < firstPackets {
		latest = d.rate
	}
	var sum float32
	for i, b := range d.bins {
		if sum += b; sum >= part {
			return min((i+1)*d.rate/binPart, latest)
		}
	}
	return min(len(d.bins)*d.rate/binPart, latest)
}

// drift returns by how many millionths the far side's clock is faster than the
// card's, as far as it has shown: below a step of the card it is 0.
func (d *delays) drift() float64 {
	n := min(d.marked, len(d.marks)-1)
	if n < 8 {
		return 0
	}
	var sumY, sumXY, sumXX float64
	middle := float64(n-1) / 2
	for i := range n {
		x := float64(i) - middle
		y := float64(d.marks[(d.marked-n+i)%len(d.marks)] - d.marks[(d.marked-n)%len(d.marks)])
		sumY, sumXY, sumXX = sumY+y, sumXY+x*y, sumXX+x*x
	}
	slope := sumXY / sumXX // samples from one mark to the next
	rise := math.Abs(slope) * float64(n) / float64(d.rate)
	sure := max(0, min(1, (rise-0.006)/0.006)) // a frame of the card is 10 ms
	return -slope * sure / float64(markTime*d.rate) * 1e6
}
