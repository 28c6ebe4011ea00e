package office

import "strings"

// codeLength returns how many digits the country code of an E.164 number has
// (ITU-T E.164 annex D): 7 and 1 stand alone, the two-digit ones are listed, all
// others have three.
func codeLength(digits string) int {
	switch {
	case digits == "":
		return 0
	case digits[0] == '1' || digits[0] == '7':
		return 1
	case len(digits) >= 2 && strings.Contains(" 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ", " "+digits[:2]+" "):
		return 2
	}
	return min(3, len(digits))
}

// Written returns an E.164 number as people read it, such as (+52) 55 1234 5678.
// Any other stays as it is.
func (n Number) Written() string {
	digits, ok := strings.CutPrefix(string(n), "+")
	if !ok {
		return string(n)
	}
	code := codeLength(digits)
	rest := digits[code:]
	b := make([]byte, 0, 64) // stays on the stack: a log has very many numbers
	b = append(append(append(b, "(+"...), digits[:code]...), ')')
	first, next := groups(digits[:code], rest)
	for length := first; rest != ""; length = next {
		if len(rest)-length == 1 { // no digit stands alone
			length--
		}
		length = min(max(length, 1), len(rest))
		b = append(append(b, ' '), rest[:length]...)
		rest = rest[length:]
		if len(rest) == 4 {
			next = 4
		}
	}
	return string(b)
}

// WrittenAt returns n as people read it where home is a number of their country:
// as Written, but without the code of that country.
func (n Number) WrittenAt(home Number) string {
	digits, ok := strings.CutPrefix(string(home), "+")
	written := n.Written()
	if !ok {
		return written
	}
	national, _ := strings.CutPrefix(written, "(+"+digits[:codeLength(digits)]+") ")
	return national
}

// groups returns the lengths of the first group in which the digits behind a
// country code are written, and of those that follow it.
func groups(code, rest string) (first, next int) {
	switch {
	case len(rest) == 10 && code == "52" && (rest[:2] == "55" || rest[:2] == "56" || rest[:2] == "33" || rest[:2] == "81"): // the large cities
		return 2, 4
	case len(rest) == 9 || len(rest) == 10:
		return 3, 3
	}
	return 4, 4
}
