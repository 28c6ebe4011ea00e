package office

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Number is a telephone number as it is dialled: an extension ("102"), a
// service code ("*43") or an outside number in E.164 ("+525555550123"). It
// holds no spaces or punctuation. In a log it shows only its last two digits.
type Number string

// LogValue hides all of the number but its last two digits.
func (n Number) LogValue() slog.Value {
	if len(n) <= 4 { // an extension or a code: not a secret
		return slog.StringValue(string(n))
	}
	return slog.StringValue("…" + string(n[len(n)-2:]))
}

// IsExtension reports whether n has the form of an extension: 2 to 6 digits.
func (n Number) IsExtension() bool {
	return len(n) >= 2 && len(n) <= 6 && strings.Trim(string(n), "0123456789") == ""
}

// ParseExtension returns the extension number that s spells, or ErrExtension
// where s is not 2 to 6 digits or is an emergency number or a service code of
// the region. Who does not know the region leaves it empty: then only what no
// region has as an extension is refused.
func ParseExtension(s string, r Region) (Number, error) {
	n := Number(strings.TrimSpace(s))
	if !n.IsExtension() || n.IsEmergency(r) || n.IsService(r) {
		return "", ErrExtension
	}
	return n, nil
}

// ParseNumber returns the number that a person typed or pasted: spaces,
// dashes, dots, slashes and parentheses are dropped. It returns ErrNumber where
// anything else than a leading +, digits, * and # remains, or nothing does.
func ParseNumber(s string) (Number, error) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '*', r == '#':
			b.WriteRune(r)
		case r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case r == '-' || r == '.' || r == '/' || r == '(' || r == ')',
			unicode.IsSpace(r), r >= '\u2010' && r <= '\u2015', // dashes as word processors write them
			r == '\u202a' || r == '\u202c' || r == '\u200e': // marks that come along with a pasted number
		default:
			return "", ErrNumber
		}
	}
	n := Number(b.String())
	if n == "" || n == "+" || len(n) > 32 {
		return "", ErrNumber
	}
	return n, nil
}

// ParseCompanyNumber returns the E.164 form of a company's main number: + and 7
// to 15 digits; a number typed without + gets the region's country code in
// front where it has none. It returns ErrNumber for anything else.
func ParseCompanyNumber(s string, r Region) (Number, error) {
	n, err := ParseNumber(s)
	if err != nil || strings.ContainsAny(string(n), "*#") {
		return "", ErrNumber
	}
	if n[0] != '+' {
		switch d := strings.TrimPrefix(string(n), "00"); {
		case d != string(n):
			n = Number("+" + d)
		case r == "MX" && len(n) == 10:
			n = "+52" + n
		case r == "US" && len(n) == 10:
			n = "+1" + n
		default:
			n = "+" + n
		}
	}
	if len(n) < 8 || len(n) > 16 || n[1] == '0' { // no country's code begins with 0
		return "", ErrNumber
	}
	return n, nil
}

// MaxName is the longest displayed name, in runes.
const MaxName = 64

// CleanName returns a name from outside as it may be shown, stored and sent on:
// without control, bidirectional and invalid characters, white space folded, at
// most MaxName runes. It is called once, where a name enters the office.
func CleanName(s string) string {
	var b strings.Builder
	space, count := false, 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError, !unicode.IsPrint(r): // bidi marks are format characters, not printable
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
			count++
		}
		if count++; count > MaxName {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// A Party is the other side of a call or message. Either field may be empty.
type Party struct {
	Number Number `json:"number"`
	Name   string `json:"name"`
}
