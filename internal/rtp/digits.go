package rtp

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// eventDigits are the digits of telephone events 0 to 15 (RFC 4733 §3.2).
const eventDigits = "0123456789*#ABCD"

// IsDigit reports whether d can be sent: 0-9 * # A-D.
func IsDigit(d rune) bool { return strings.ContainsRune(eventDigits, d) }

// A digitReader finds the digits in telephone events, each once. All packets of
// one event share a timestamp; some senders change it in the middle, and go on
// without a pause.
type digitReader struct {
	any   bool
	ssrc  uint32
	time  uint32    // timestamp of the last event
	code  uint8     // its event code
	ended bool      // its end was seen
	at    time.Time // when its last packet came
}

// read returns the digit that begins with this packet, or 0.
func (d *digitReader) read(ssrc, timestamp uint32, payload []byte, now time.Time) rune {
	if len(payload) < 4 {
		return 0
	}
	if ssrc != d.ssrc {
		*d = digitReader{ssrc: ssrc}
	}
	code, end := payload[0], payload[1]&0x80 != 0
	same := d.any && timestamp == d.time
	goesOn := d.any && code == d.code && !d.ended && now.Sub(d.at) < 120*time.Millisecond
	late := d.any && int32(timestamp-d.time) < 0 && now.Sub(d.at) < time.Second
	if late && !same {
		return 0
	}
	fresh := !same && !goesOn
	d.any, d.time, d.code, d.at = true, timestamp, code, now
	if fresh {
		d.ended = false
	}
	d.ended = d.ended || end
	if fresh && int(code) < len(eventDigits) {
		return rune(eventDigits[code])
	}
	return 0
}

// rescale changes the duration of an event in place from one clock to another.
func rescale(payload []byte, from, to int) {
	if from == to || from == 0 || to == 0 || len(payload) < 4 {
		return
	}
	d := uint64(binary.BigEndian.Uint16(payload[2:])) * uint64(to) / uint64(from)
	binary.BigEndian.PutUint16(payload[2:], uint16(min(d, 0xffff)))
}

// The shape of a digit that we send: an event packet every digitStep, so many
// before the end, which is told three times (RFC 4733 §2.5.1).
const (
	digitStep  = 20 * time.Millisecond
	digitSteps = 5
)

// SendDigit sends one digit as a telephone event of 100 ms, waiting between its
// packets with wait, whose error ends it; false where the far side takes no events.
// Sound is held back meanwhile. One digit is sent at a time.
func (s *Session) SendDigit(digit rune, wait func(time.Duration) error) (bool, error) {
	code := uint8(strings.IndexRune(eventDigits, digit))
	s.out.Lock()
	f, w := &s.out.formats, &s.out.writer
	if f.Event.Name == "" {
		s.out.Unlock()
		return false, nil
	}
	w.digit = true
	start := w.timestamp + w.elapsed(f.Codec.Clock, time.Now())
	s.out.Unlock()

	var err error
	for i := 1; i <= digitSteps+2 && err == nil; i++ {
		if i <= digitSteps {
			err = wait(digitStep)
		}
		s.out.Lock()
		err = errors.Join(err, s.sendEvent(code, start, i))
		s.out.Unlock()
	}

	s.out.Lock()
	w.digit, w.started = false, false // whoever speaks next goes on from here
	w.timestamp, w.at = start, time.Now().Add(-digitSteps*digitStep)
	s.out.Unlock()
	return true, err
}

// sendEvent sends the i-th packet of a digit. s.out must be locked.
func (s *Session) sendEvent(code uint8, start uint32, i int) error {
	if s.out.muted {
		return nil
	}
	f, w := &s.out.formats, &s.out.writer
	w.sequence++
	n := min(i, digitSteps)
	duration := uint16(time.Duration(n) * digitStep * time.Duration(f.Event.Clock) / time.Second)
	flags := byte(10) // volume, in -dBm0
	if i >= digitSteps {
		flags |= 0x80
	}
	return s.send(&packet{
		marker: i == 1, pt: f.Event.PayloadType, sequence: w.sequence, timestamp: start, ssrc: w.ssrc,
		payload: []byte{code, flags, byte(duration >> 8), byte(duration)},
	})
}
