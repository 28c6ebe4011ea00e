package model

import (
	"strings"

	"timbre/internal/office"
)

// Number writes n as people in region r read it: "55 1234 5678", "(+1) 305 555
// 0100", "Ext. 102". What has no such form comes back as it is.
func (p *Phrasebook) Number(n office.Number, r office.Region) string {
	switch {
	case n == "":
		return ""
	case n.IsExtension():
		return p.Say("number.extension", "number", string(n))
	case strings.Trim(string(n), "+0123456789") != "": // a service code
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

// Name returns what stands in the first line for a party: its name, else its
// number, else words for a number that was withheld.
func (p *Phrasebook) Name(who office.Party, r office.Region) string {
	switch {
	case who.Name != "":
		return who.Name
	case who.Number != "":
		return p.Number(who.Number, r)
	}
	return p.Say("peer.anonymous")
}

// Under returns what stands below Name: the number, or nothing where the first
// line is the number already.
func (p *Phrasebook) Under(who office.Party, r office.Region) string {
	if who.Name == "" {
		return ""
	}
	return p.Number(who.Number, r)
}
