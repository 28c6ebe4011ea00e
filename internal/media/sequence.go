package media

// A sequence counts the packets that never came, from the sequence numbers of
// those that did (RFC 3550 §A.3). The zero value has seen none.
type sequence struct {
	open    bool
	first   int64 // of this run
	highest int64 // with the wrap-arounds counted
	seen    int64
	earlier int64 // lost in the runs before
}

// add notes a packet and returns how many have been lost so far.
func (q *sequence) add(seq uint16) int64 {
	if !q.open {
		q.open, q.first, q.highest, q.seen = true, int64(seq), int64(seq), 0
	}
	q.seen++
	at := q.highest + int64(int16(seq-uint16(q.highest)))
	q.highest = max(q.highest, at)
	q.first = min(q.first, at)
	return q.earlier + q.lost()
}

func (q *sequence) lost() int64 { return max(0, q.highest-q.first+1-q.seen) }

// restart begins a new run, whose numbers have nothing to do with those before.
func (q *sequence) restart() {
	if q.open {
		q.earlier += q.lost()
	}
	q.open = false
}
