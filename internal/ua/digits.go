package ua

import (
	"encoding/binary"
	"strings"
	"time"
)

// eventDigits are the digits of telephone events 0 to 15 (RFC 4733 §3.2).
const eventDigits = "0123456789*#ABCD"

// digitEvent returns the event of a digit, or false where d is none.
func digitEvent(d rune) (uint8, bool) {
	i := strings.IndexRune(eventDigits, d)
	return uint8(i), i >= 0
}

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

// infoDigit returns the digit in the body of an INFO: "Signal=5" of
// application/dtmf-relay, or the bare digit of application/dtmf. It is 0 where
// there is none.
func infoDigit(contentType string, body []byte) rune {
	text := ""
	switch contentType, _, _ := strings.Cut(strings.ToLower(contentType), ";"); strings.TrimSpace(contentType) {
	case "application/dtmf-relay":
		for line := range strings.FieldsFuncSeq(string(body), func(r rune) bool { return r == '\r' || r == '\n' }) {
			if name, value, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(name), "signal") {
				text = value
				break
			}
		}
	case "application/dtmf":
		text = string(body)
	}
	text = strings.ToUpper(strings.TrimSpace(text))
	switch text { // some send the event's number
	case "10":
		text = "*"
	case "11":
		text = "#"
	}
	if len(text) != 1 || !strings.Contains(eventDigits, text) {
		return 0
	}
	return rune(text[0])
}
