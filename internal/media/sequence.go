package media

// A sequence counts the packets that never came, from the sequence numbers of
// those that did (RFC 3550 §A.3). The zero value has seen none.
type sequence struct {
	open    bool
	first   int64  // of this run
	highest int64  // with the wrap-arounds counted
	recent  uint64 // which of the 64 up to the highest have come, that one in bit 0
	seen    int64
	earlier int64 // lost in the runs before
}

// add notes a packet. It reports false where it has come before, as far as the last
// 64 numbers tell.
func (q *sequence) add(seq uint16) bool {
	if !q.open {
		*q = sequence{open: true, first: int64(seq), highest: int64(seq), recent: 1, seen: 1, earlier: q.earlier}
		return true
	}
	at := q.highest + int64(int16(seq-uint16(q.highest)))
	if ahead := at - q.highest; ahead > 0 {
		q.recent = q.recent<<ahead | 1
		q.highest = at
	} else {
		bit := uint64(1) << -ahead
		if q.recent&bit != 0 {
			return false
		}
		q.recent |= bit
		q.first = min(q.first, at)
	}
	q.seen++
	return true
}

// lost returns how many have not come so far.
func (q *sequence) lost() int64 {
	if !q.open {
		return q.earlier
	}
	return q.earlier + max(0, q.highest-q.first+1-q.seen)
}

// restart begins a new run, whose numbers have nothing to do with those before.
func (q *sequence) restart() {
	q.earlier, q.open = q.lost(), false
}
