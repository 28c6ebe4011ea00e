package local

import (
	"strings"

	"timbre/internal/office"
)

// A plan is how numbers are dialled in a region.
type plan struct {
	code  string // of the country
	trunk string // stands before a national number where it is dialled
}

// plans are those of the regions whose address books are read. The office has the
// whole truth; here a number only has to be known again.
var plans = map[office.Region]plan{
	"MX": {"52", ""}, "US": {"1", "1"}, "CA": {"1", "1"}, "PR": {"1", "1"}, "DO": {"1", "1"},
	"AR": {"54", "0"}, "BO": {"591", "0"}, "BR": {"55", "0"}, "CL": {"56", ""}, "CO": {"57", ""}, "CR": {"506", ""}, "CU": {"53", "0"},
	"EC": {"593", "0"}, "GT": {"502", ""}, "HN": {"504", ""}, "NI": {"505", ""}, "PA": {"507", ""}, "PE": {"51", "0"}, "PY": {"595", "0"},
	"SV": {"503", ""}, "UY": {"598", "0"}, "VE": {"58", "0"},
	"AT": {"43", "0"}, "BE": {"32", "0"}, "CH": {"41", "0"}, "CZ": {"420", ""}, "DE": {"49", "0"}, "DK": {"45", ""}, "ES": {"34", ""},
	"FR": {"33", "0"}, "GB": {"44", "0"}, "IE": {"353", "0"}, "IT": {"39", ""}, "NL": {"31", "0"}, "NO": {"47", ""}, "PL": {"48", ""},
	"PT": {"351", ""}, "SE": {"46", "0"},
	"AU": {"61", "0"}, "CN": {"86", "0"}, "IN": {"91", "0"}, "JP": {"81", "0"}, "KR": {"82", "0"},
}

// minNational is the least length of a national number; a shorter one is an
// extension, a code, or lacks its area, which nobody can know.
const minNational = 8

// international returns n, as somebody in the region wrote it, in the form in
// which the call log has it: E.164 where that can be told, else as it is.
func international(n office.Number, region office.Region) office.Number {
	s := string(n)
	if strings.ContainsAny(s, "*#") {
		return n
	}
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	p, known := plans[region]
	if rest, ok := strings.CutPrefix(s, "011"); ok && p.code == "1" {
		s = "+" + rest
	}
	if rest, ok := strings.CutPrefix(s, "+521"); ok && len(rest) == 10 { // as Mexico's mobiles were written until 2019
		return office.Number("+52" + rest)
	}
	if s[0] == '+' || !known {
		return office.Number(s)
	}
	switch p.code {
	case "52", "1": // ten digits, behind what had to be dialled
		for _, prefix := range map[string][]string{"52": {"", "01", "044", "045", "52", "521"}, "1": {"", "1"}}[p.code] {
			if rest, ok := strings.CutPrefix(s, prefix); ok && len(rest) == 10 {
				return office.Number("+" + p.code + rest)
			}
		}
		return n
	}
	if len(s) < minNational {
		return n
	}
	return office.Number("+" + p.code + strings.TrimPrefix(s, p.trunk))
}
