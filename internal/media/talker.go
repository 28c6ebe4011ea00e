package media

// A talker is a run of packets whose numbers belong together, by its newest.
type talker struct {
	ssrc      uint32
	format    *Format
	sequence  uint16
	timestamp uint32
	begin     int // place of its sound
	size      int // samples
}

// A stray is a run of packets that do not belong where the buffer is.
type stray struct {
	count int
	since int // clock at the first of them
	ssrc  uint32
}

const (
	farAhead = 10 // 100 ms before the fastest, as parts of a second: the timestamps have jumped
	farBack  = 16 // 60 ms more or less than the sequence number says: likewise
	lateFor  = 25 // 40 ms of nothing but late packets: likewise
	farOff   = 100
)

// accept puts a packet on the shelf, at its place on the time line, or reports that
// it belongs nowhere.
func (p *Playout) accept(number uint8) bool {
	k := &p.pool[number]
	a, ticks := &k.arrival, 0
	if a.Format != nil {
		ticks = a.Format.ticks(a.Payload)
	}
	if ticks == 0 {
		if p.begun && a.SSRC == p.talker.ssrc {
			p.number(a.Sequence)
		}
		return false
	}
	k.size = ticks * p.rate / a.Format.clock
	switch {
	case !p.begun:
		p.begun, p.silent = true, true
		p.follow(k)
	case p.silent && p.shelf.n == 0 && p.held > 0:
		if p.held > forgetTime*p.rate {
			p.delays.rebase()
		}
		p.follow(k)
	case a.SSRC != p.talker.ssrc:
		if p.lone(a.SSRC) {
			return false
		}
		p.follow(k)
	case a.Format != p.talker.format:
		if int16(a.Sequence-p.talker.sequence) < 0 {
			p.late.Add(1)
			return false
		}
		p.follow(k)
	case !p.belongs(k):
		return false
	}
	if !p.number(a.Sequence) {
		return false
	}
	p.delays.add(p.now()-k.begin, int(p.skew))
	if k.begin+k.size <= p.edge {
		p.late.Add(1)
		return false
	}
	return p.shelf.insert(&p.pool, number)
}

// number counts a packet by its number and reports whether it is new.
func (p *Playout) number(sequence uint16) bool {
	fresh := p.count.add(sequence)
	if !fresh {
		p.duplicate.Add(1)
	}
	p.lost.Store(p.count.lost())
	return fresh
}

// belongs finds the place of another packet of the source, and reports whether it
// has one.
func (p *Playout) belongs(k *packet) bool {
	a, s := &k.arrival, &p.talker
	k.begin = s.begin + int(int32(a.Timestamp-s.timestamp))*p.rate/s.format.clock
	ahead := int(int16(a.Sequence - s.sequence))
	odd := k.begin - (s.begin + ahead*s.size) // samples more than the number says
	early := p.delays.base() != unknown && p.now()-k.begin < p.delays.base()-p.rate/farAhead
	late := k.begin+k.size <= p.next()
	switch {
	case early && (odd > p.rate/farBack || ahead <= 0), late && ahead > 0 && odd < -p.rate/farBack:
		if (ahead <= 0 || ahead > farOff) && p.lone(s.ssrc) {
			return false
		}
		p.follow(k)
	case late:
		if p.lone(s.ssrc) || p.clock-p.stray.since < p.rate/lateFor {
			return true // and will be found to be late
		}
		p.follow(k)
	default:
		p.stray.count = 0
		if ahead > 1 {
			p.lossy = p.clock + lossTime*p.rate
			p.copied = s.format.copies(a.Payload)
		}
		if ahead > 0 {
			s.sequence, s.timestamp, s.begin, s.size = a.Sequence, a.Timestamp, k.begin, k.size
		}
	}
	return true
}

// lone notes a packet that does not belong here and reports whether it is the first
// of its kind.
func (p *Playout) lone(ssrc uint32) bool {
	if p.stray.count == 0 || p.stray.ssrc != ssrc {
		p.stray = stray{since: p.clock, ssrc: ssrc}
	}
	p.stray.count++
	return p.stray.count == 1
}

// follow makes k the first packet of a new source: its sound follows that of the one
// before, or what is heard when the delay remains what it was.
func (p *Playout) follow(k *packet) {
	base := p.delays.base()
	if base == unknown {
		base = p.now() - p.next() - p.target()
	}
	k.begin = p.now() - base
	if p.silent {
		p.edge = k.begin - p.target()
		p.line = p.line[:p.at]
		p.begin()
		p.held = 0
	} else {
		k.begin = max(k.begin, p.talker.begin+p.talker.size)
	}
	a := &k.arrival
	p.talker = talker{ssrc: a.SSRC, format: a.Format, sequence: a.Sequence, timestamp: a.Timestamp, begin: k.begin, size: k.size}
	p.stray = stray{}
	p.count.restart()
}
