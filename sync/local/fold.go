package local

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"timbre/internal/office"
)

// fold returns s as it is searched: lower case, without accents.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// foldParty returns what a search for a party looks at. The line end keeps a
// search text from reaching across.
func foldParty(p office.Party) string { return fold(p.Name) + "\n" + string(p.Number) }
