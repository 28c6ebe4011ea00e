package office

import "strings"

// folds maps what the two languages write with marks to what people type when
// they search.
var folds = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ä", "a", "ã", "a", "é", "e", "è", "e", "ê", "e", "ë", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ó", "o", "ò", "o", "ô", "o", "ö", "o", "õ", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u",
	"ñ", "n", "ç", "c", "ß", "ss")

// Fold returns s as it is compared in a search: lower case, without accents.
func Fold(s string) string { return folds.Replace(strings.ToLower(s)) }

// Folded returns p as one line to search in: number, then name, both folded.
func (p Party) Folded() string { return Fold(string(p.Number) + " " + p.Name) }
