package ua

import (
	"strings"

	"timbre/internal/rtp"
)

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
	if len(text) != 1 || !rtp.IsDigit(rune(text[0])) {
		return 0
	}
	return rune(text[0])
}
