package voicemail

import (
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
)

// numeral returns the word for n alone, such as "digits/7".
func numeral(n int) Prompt { return Prompt("digits/" + strconv.Itoa(n)) }

// spoken returns the number n as it is said, from 0 to 100; a greater one digit
// by digit.
func spoken(n int, l office.Language) []Prompt {
	switch {
	case n < 0 || n > 100:
		return digits(strconv.Itoa(n))
	case n <= 20, n%10 == 0, n < 30 && l != office.English:
		return []Prompt{numeral(n)}
	case l == office.English:
		return []Prompt{numeral(n - n%10), numeral(n % 10)}
	}
	return []Prompt{numeral(n - n%10), tensAnd, numeral(n % 10)}
}

// digits returns s digit by digit; what is neither digit nor star nor pound is
// left out.
func digits(s string) []Prompt {
	var words []Prompt
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			words = append(words, numeral(int(r-'0')))
		case r == '*':
			words = append(words, "digits/star")
		case r == '#':
			words = append(words, "digits/pound")
		}
	}
	return words
}

// count says how many new and how many old messages there are.
func count(fresh, old int, l office.Language) []Prompt {
	if fresh == 0 && old == 0 {
		return []Prompt{noMessages}
	}
	words := []Prompt{youHave}
	if fresh > 0 {
		words = append(words, several(fresh, newOne, newOnes, l)...)
	}
	if fresh > 0 && old > 0 {
		words = append(words, and)
	}
	if old > 0 {
		words = append(words, several(old, oldOne, oldOnes, l)...)
	}
	return words
}

// several says n messages of a kind: English puts the kind before the noun,
// Spanish behind it.
func several(n int, one, many Prompt, l office.Language) []Prompt {
	number, noun, kind := spoken(n, l), messages, many
	if n == 1 {
		number, noun, kind = []Prompt{oneMasculine}, message, one
	}
	if l == office.English {
		if n == 1 {
			number = spoken(1, l)
		}
		return append(number, many, noun)
	}
	return append(number, noun, kind)
}

// plain are the country codes of regions whose numbers are dialled inside as they
// stand behind them.
var plain = map[office.Region]string{
	"CA": "+1",
	"CL": "+56",
	"CO": "+57",
	"CR": "+506",
	"DO": "+1",
	"ES": "+34",
	"GT": "+502",
	"HN": "+504",
	"MX": "+52",
	"NI": "+505",
	"PA": "+507",
	"PR": "+1",
	"PT": "+351",
	"SV": "+503",
	"US": "+1",
}

// sender says from whom a message is, to people of a region: a number of theirs
// without its country code.
func sender(n office.Number, r office.Region) []Prompt {
	said := string(n)
	if code := plain[r]; code != "" {
		said = strings.TrimPrefix(said, code)
	}
	switch number := digits(said); {
	case len(number) == 0:
		return []Prompt{fromUnknown}
	case n.IsExtension():
		return append([]Prompt{fromExtension}, number...)
	default:
		return append([]Prompt{fromNumber}, number...)
	}
}

// when says at what time something was, seen from now: the day, and the hour
// with its minutes. Both times are in the zone in which people think.
func when(t, now time.Time, l office.Language) []Prompt {
	words := []Prompt{received}
	switch days := day(now).Sub(day(t)).Round(24*time.Hour) / (24 * time.Hour); days {
	case 0:
		words = append(words, today)
	case 1:
		words = append(words, yesterday)
	default:
		month := Prompt("digits/mon-" + strconv.Itoa(int(t.Month())-1))
		switch {
		case l == office.English:
			words = append(append(words, month), spoken(t.Day(), l)...)
		case t.Day() == 1:
			words = append(words, first, of, month)
		default:
			words = append(append(words, spoken(t.Day(), l)...), of, month)
		}
	}
	if l == office.English {
		return append(words, clock12(t)...)
	}
	return append(words, clock24(t)...)
}

// day returns the midnight with which the day of t begins.
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// clock12 says the time of day in English: at three oh five p m.
func clock12(t time.Time) []Prompt {
	words := append([]Prompt{at}, numeral((t.Hour()+11)%12+1))
	switch m := t.Minute(); {
	case m == 0:
	case m < 10:
		words = append(words, oh, numeral(m))
	default:
		words = append(words, spoken(m, office.English)...)
	}
	if t.Hour() < 12 {
		return append(words, morning)
	}
	return append(words, afternoon)
}

// clock24 says the time of day in Spanish: a las quince cero cinco.
func clock24(t time.Time) []Prompt {
	words := append([]Prompt{at}, spoken(t.Hour(), office.Spanish)...)
	switch t.Hour() { // hours are feminine
	case 1:
		words = []Prompt{atOne, oneFeminine}
	case 21:
		words = []Prompt{at, twentyAnd, oneFeminine}
	}
	switch m := t.Minute(); {
	case m == 0:
		return append(words, oClock)
	case m < 10:
		return append(words, numeral(0), numeral(m))
	default:
		return append(words, spoken(m, office.Spanish)...)
	}
}
