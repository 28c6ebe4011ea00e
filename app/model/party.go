package model

import (
	"strings"

	"timbre/internal/office"
)

// services are the places of the office that have a code and are no person.
var services = map[office.Number]string{"*43": "peer.echo", "*97": "peer.voicemail", "*98": "peer.otherVoicemail"}

// Number writes n as people in region r read it: "55 1234 5678", "(+1) 305 555
// 0100", "Ext. 102", however it was dialled. What has no such form comes back as it
// is.
func (p *Phrasebook) Number(n office.Number, r office.Region) string {
	n = dialled(n, r)
	switch {
	case n == "", n.IsEmergency(r), n.IsService(r):
		return string(n)
	case n.IsExtension():
		return p.Say("number.extension", "number", string(n))
	case !isPlain(n):
		return string(n)
	case n[0] == '+':
		code, rest := splitCode(string(n[1:]))
		if regions["+"+code] == r {
			return grouped(rest, code)
		}
		return "(+" + code + ") " + grouped(rest, code)
	case r == "MX" && len(n) == 10:
		return grouped(string(n), "52")
	}
	return string(n)
}

// isPlain reports whether n is not a service code.
func isPlain(n office.Number) bool { return strings.Trim(string(n), "+0123456789") == "" }

// dialled returns n without what is dialled before a number only to get out of
// the country or over it, as the office will write it in the log.
func dialled(n office.Number, r office.Region) office.Number {
	if !isPlain(n) {
		return n
	}
	if rest, ok := strings.CutPrefix(string(n), "00"); ok && len(rest) > 6 {
		n = office.Number("+" + rest)
	} else if rest, ok := strings.CutPrefix(string(n), "011"); ok && r == "US" && len(rest) > 6 {
		n = office.Number("+" + rest)
	}
	prefixes := []string{"+52", "+521"}
	switch r {
	case "MX":
		prefixes = append(prefixes, "52", "521", "01", "044", "045") // the last three until 2019
	case "US":
		if len(n) == 10 && n[0] != '+' || len(n) == 11 && n[0] == '1' {
			return "+1" + n[len(n)-10:]
		}
	}
	for _, prefix := range prefixes {
		if ten, ok := strings.CutPrefix(string(n), prefix); ok && len(ten) == 10 {
			return office.Number("+52" + ten)
		}
	}
	return n
}

// twoDigit holds the country codes of two digits (ITU-T E.164); 1 and 7 have
// one, all others three.
const twoDigit = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "

// splitCode splits the digits of an E.164 number into country code and rest.
func splitCode(digits string) (code, rest string) {
	n := 3
	switch {
	case digits[:min(1, len(digits))] == "1", digits[:min(1, len(digits))] == "7":
		n = 1
	case len(digits) >= 2 && strings.Contains(twoDigit, " "+digits[:2]+" "):
		n = 2
	}
	n = min(n, len(digits))
	return digits[:n], digits[n:]
}

// grouped puts spaces into a national number as its country is used to; where
// that is not known, between groups of three from the left.
func grouped(n, code string) string {
	if len(n) == 10 {
		switch {
		case code == "52" && (n[:2] == "55" || n[:2] == "56" || n[:2] == "33" || n[:2] == "81"):
			return n[:2] + " " + n[2:6] + " " + n[6:]
		default:
			return n[:3] + " " + n[3:6] + " " + n[6:]
		}
	}
	var b strings.Builder
	for len(n) > 4 {
		b.WriteString(n[:3] + " ")
		n = n[3:]
	}
	return b.String() + n
}

// Name returns what stands in the first line for a party: its name, else what its
// number leads to or the number, else words for a number that was withheld.
func (p *Phrasebook) Name(who office.Party, r office.Region) string {
	bare := office.Number(strings.TrimPrefix(string(who.Number), "+"))
	switch {
	case who.Name != "":
		return who.Name
	case services[who.Number] != "":
		return p.Say(services[who.Number])
	case bare.IsEmergency(r):
		return p.Say("number.emergency", "number", string(bare))
	case who.Number != "":
		return p.Number(who.Number, r)
	}
	return p.Say("peer.anonymous")
}

// Under returns what stands below Name: the number, or nothing where the first
// line has it already.
func (p *Phrasebook) Under(who office.Party, r office.Region) string {
	if who.Name == "" && services[who.Number] == "" {
		return ""
	}
	return p.Number(who.Number, r)
}
