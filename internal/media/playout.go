package media

import "time"

// A Playout is the receiving end of a call: packets go in as they come from the
// network, samples come out as the sound card wants them. Its only clock is the
// sound card: how far ahead of its turn a packet arrives tells jitter and drift
// alike. Push and Pull may run at the same time, each from one goroutine;
// neither blocks.
type Playout struct{}

// NewPlayout returns an empty buffer for samples at rate, which is also the
// clock of the packets' timestamps.
func NewPlayout(rate int) *Playout { return &Playout{} }

// Push takes the samples of one packet, which it copies. Order and duplicates
// do not matter. Another ssrc, or a timestamp out of all proportion, starts
// anew once it has been seen to last.
func (p *Playout) Push(ssrc uint32, seq uint16, timestamp uint32, samples []int16) {}

// Pull fills out with what is to be heard next: silence before the first
// packet, a fading guess where packets are missing. It does not allocate.
func (p *Playout) Pull(out []int16) {}

// Stats returns what has happened so far. It may be called from anywhere.
func (p *Playout) Stats() PlayoutStats { return PlayoutStats{} }

// PlayoutStats says how well a stream arrived.
type PlayoutStats struct {
	Received  int           // packets
	Lost      int           // packets that never came, by their sequence numbers
	Late      int           // packets that came too late to be heard, or twice
	Concealed time.Duration // sound that had to be guessed
	Delay     time.Duration // how long a packet waits for its turn now
}
