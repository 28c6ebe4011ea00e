package bridge

import (
	"time"

	"timbre/internal/media"
	"timbre/internal/ua"
)

// longestGap is how much silence is put in place of packets that did not come. A
// greater step of the timestamps is a new beginning.
const longestGap = time.Minute

// An ear turns the packets of a leg into an unbroken row of samples at Rate. A
// packet that comes after its turn is left out. It is used by one goroutine.
type ear struct {
	decoder   media.Decoder
	clock     int              // of the timestamps, in Hz
	resampler *media.Resampler // nil: the decoder's rate is Rate
	hear      func(samples []int16)

	begun   bool
	ssrc    uint32
	next    uint32 // timestamp of the sound that comes next
	decoded []int16
	heard   []int16
	silence [frame]int16
}

func newEar(decoder media.Decoder, clock int, hear func(samples []int16)) *ear {
	e := &ear{decoder: decoder, clock: clock, hear: hear}
	if decoder.Rate() != Rate {
		e.resampler = media.NewResampler(decoder.Rate(), Rate)
	}
	return e
}

// take hears one packet of sound.
func (e *ear) take(p *ua.Packet) {
	missing := time.Duration(int32(p.Timestamp-e.next)) * time.Second / time.Duration(e.clock)
	switch {
	case !e.begun || p.SSRC != e.ssrc || missing > longestGap || missing < -longestGap:
		e.begun, e.ssrc, e.next = true, p.SSRC, p.Timestamp
	case missing < 0:
		return
	case missing > longestGuess:
		e.skip(missing)
	case missing > 0:
		e.decoded = e.decoder.Recover(e.decoded[:0], int(missing*time.Duration(e.decoder.Rate())/time.Second), p.Payload)
		e.tell()
	}
	e.next = p.Timestamp
	e.decoded = e.decoder.Decode(e.decoded[:0], p.Payload)
	e.next += uint32(len(e.decoded) * e.clock / e.decoder.Rate())
	e.tell()
}

// tell hands over what was decoded.
func (e *ear) tell() {
	e.heard = append(e.heard[:0], e.decoded...)
	if e.resampler != nil {
		e.heard = e.resampler.Process(e.heard[:0], e.decoded)
	}
	if len(e.heard) > 0 {
		e.hear(e.heard)
	}
}

// skip hears silence in place of what did not come.
func (e *ear) skip(d time.Duration) {
	for n := int(d * Rate / time.Second); n > 0; n -= frame {
		clear(e.silence[:]) // who hears may have written to it
		e.hear(e.silence[:min(n, frame)])
	}
}
