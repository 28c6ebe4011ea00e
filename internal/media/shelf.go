package media

import "sync/atomic"

// A packet waits to be heard.
type packet struct {
	arrival Arrival
	begin   int // place of its sound on the time line of a Playout, in samples
	size    int // samples
	payload [maxPayload]byte
}

// maxPayload is more than any codec's longest payload: 60 ms of G.711 are 480
// bytes, a frame of Opus has 1275.
const maxPayload = 1280

// poolSize is how many packets there are between the network and the card: 1.28 s
// of the shortest. What comes when none is free is lost.
const poolSize = 128

// A queue hands packets, by their numbers in a pool, from one goroutine to another.
// Neither waits.
type queue struct {
	numbers [poolSize]uint8
	head    atomic.Uint32 // numbers put so far
	tail    atomic.Uint32 // numbers taken so far
}

// put is called with no more numbers than the pool has.
func (q *queue) put(n uint8) {
	head := q.head.Load()
	q.numbers[head%poolSize] = n
	q.head.Store(head + 1)
}

func (q *queue) take() (n uint8, ok bool) {
	tail := q.tail.Load()
	if tail == q.head.Load() {
		return 0, false
	}
	n = q.numbers[tail%poolSize]
	q.tail.Store(tail + 1)
	return n, true
}

// A shelf holds packets in the order of their sound, by their numbers in a pool.
type shelf struct {
	numbers [poolSize]uint8
	n       int
}

// insert puts p, whose number is given, before all that follow it. It reports false
// where there is a packet in its place already.
func (s *shelf) insert(pool *[poolSize]packet, number uint8) bool {
	p, at := &pool[number], s.n
	for at > 0 && pool[s.numbers[at-1]].begin > p.begin {
		at--
	}
	if at > 0 && pool[s.numbers[at-1]].begin+pool[s.numbers[at-1]].size > p.begin {
		return false
	}
	copy(s.numbers[at+1:s.n+1], s.numbers[at:s.n])
	s.numbers[at] = number
	s.n++
	return true
}

// take removes the first packet.
func (s *shelf) take() uint8 {
	number := s.numbers[0]
	s.n--
	copy(s.numbers[:s.n], s.numbers[1:s.n+1])
	return number
}
