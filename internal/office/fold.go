package office

import (
	"strings"
	"unicode"
)

// folds maps what the two languages write with marks to what people type when
// they search.
var folds = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ä", "a", "ã", "a", "é", "e", "è", "e", "ê", "e", "ë", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ó", "o", "ò", "o", "ô", "o", "ö", "o", "õ", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u",
	"ñ", "n", "ç", "c", "ß", "ss")

// Fold returns s as it is compared in a search: lower case, without accents,
// whether they are part of a letter or stand behind it.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, folds.Replace(strings.ToLower(s)))
}

// Folded returns p as it is searched: number and name, folded. The line end
// between them keeps a search text from reaching across.
func (p Party) Folded() string { return Fold(string(p.Number) + "\n" + p.Name) }
