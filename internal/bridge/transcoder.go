package bridge

import (
	"math/rand/v2"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// longestGuess is how long a gap in the sound is filled with a guess. After a
// longer one the sound begins anew, as it does after a pause of a telephone that
// says nothing where nobody speaks.
const longestGuess = 60 * time.Millisecond

// How late a packet may come to be known as an old one, and how long a pause may
// be. Timestamps further off are those of another source.
const (
	mostLate  = 5 * time.Second
	mostAhead = time.Minute
)

// A transcoder turns the packets of one leg into packets of another codec. It has
// no clock: a packet goes out as soon as there is sound enough for it. What comes
// too late is left out; gaps are filled, so that its own sequence numbers have
// none and its timestamps jump only where the far side paused.
type transcoder struct {
	translator *media.Translator
	in, out    int // clocks of the timestamps, in Hz
	write      func(p *ua.Packet) error

	begun  bool
	ssrc   uint32
	next   uint32    // timestamp of the sound that comes next
	packet ua.Packet // that goes out next

	key    ua.Packet // the key that was pressed last, as it goes out
	keyAt  uint32    // its timestamp as it came
	paused bool      // no sound has come since
}

func newTranscoder(from, to sdp.Codec, write func(p *ua.Packet) error) (*transcoder, error) {
	translator, err := media.NewTranslator(from.Name, to.Name)
	if err != nil {
		return nil, err
	}
	return &transcoder{translator: translator, in: from.Clock, out: to.Clock, write: write}, nil
}

// take sends what p becomes.
func (t *transcoder) take(p *ua.Packet) {
	ahead := time.Duration(int32(p.Timestamp-t.next)) * time.Second / time.Duration(t.in)
	if !t.begun || p.SSRC != t.ssrc || ahead < -mostLate || ahead > mostAhead {
		t.begin(p)
		ahead = 0
	}
	switch {
	case p.Event:
		t.press(p, ahead)
	case ahead >= 0:
		t.speak(p, ahead)
	}
}

// begin starts with a new source; the leg makes its numbers follow the last ones.
func (t *transcoder) begin(p *ua.Packet) {
	t.translator.Skip()
	t.begun, t.paused = true, false
	t.ssrc, t.next = p.SSRC, p.Timestamp
	t.packet.SSRC, t.packet.Marker = rand.Uint32(), true
	t.key.Event = false
}

// speak sends the sound in p, which begins so long after all before.
func (t *transcoder) speak(p *ua.Packet, ahead time.Duration) {
	switch {
	case t.paused || ahead > longestGuess:
		t.paused, t.packet.Marker = false, true
		t.packet.Timestamp += ticks(t.translator.Skip()+ahead, t.out)
	case ahead > 0:
		t.translator.Lost(ahead, p.Payload)
	}
	t.next = p.Timestamp + ticks(t.translator.Put(p.Payload), t.in)
	for payload := t.translator.Next(); payload != nil; payload = t.translator.Next() {
		t.packet.Payload = payload
		_ = t.write(&t.packet) // a lost packet is no reason to lose the call
		t.packet.Marker = false
		t.packet.Sequence++
		t.packet.Timestamp += ticks(media.FrameTime, t.out)
	}
}

// press passes on a packet of a key, which was pressed so long after the sound
// before.
func (t *transcoder) press(p *ua.Packet, ahead time.Duration) {
	if !t.key.Event || p.Timestamp != t.keyAt { // else one more packet of the same key
		t.keyAt, t.paused = p.Timestamp, true
		t.key.Event, t.key.Timestamp = true, t.packet.Timestamp+ticks(ahead, t.out)
	}
	t.key.Marker, t.key.SSRC, t.key.Sequence = p.Marker, t.packet.SSRC, t.packet.Sequence
	t.key.Payload = append(t.key.Payload[:0], p.Payload...)
	_ = t.write(&t.key)
	t.packet.Sequence++
}

// ticks returns d in units of a clock.
func ticks(d time.Duration, clock int) uint32 {
	return uint32(int64(d) * int64(clock) / int64(time.Second))
}
