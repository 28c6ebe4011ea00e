package local

import (
	"database/sql"
	"errors"
	"strings"
	"unicode"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// words returns the folded words of s.
func words(s string) []string {
	return strings.FieldsFunc(office.Fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// spaced returns the folded words of s with a space before each, so that a word
// begins with x where the text holds " x".
func spaced(s string) string {
	var b strings.Builder
	for _, w := range words(s) {
		b.WriteByte(' ')
		b.WriteString(w)
	}
	return b.String()
}

// minDigits is how many digits of a number can be found in the index: of fewer
// there are so many that it is of no use.
const minDigits = 3

// indexed returns the text under which a party is found: the words of its name,
// and each end of its number, so that any part of the number begins one of them.
func indexed(p office.Party) string {
	var b strings.Builder
	b.WriteString(spaced(p.Name))
	number := digits(string(p.Number))
	for i := 0; i+minDigits <= len(number); i++ {
		b.WriteByte(' ')
		b.WriteString(number[i:])
	}
	return b.String()
}

// digits returns the digits of s.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// party returns the id of p, which it makes known where it is new.
func (w *writing) party(p office.Party) (int64, error) {
	if id := w.parties[p]; id != 0 {
		return id, nil
	}
	var id int64
	err := w.tx.QueryRow(`SELECT id FROM party WHERE number = $1 AND name = $2`, p.Number, p.Name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = w.tx.QueryRow(`INSERT INTO party (number, name, folded) VALUES ($1, $2, $3) RETURNING id`, p.Number, p.Name, spaced(p.Name)).Scan(&id)
		if err == nil {
			_, err = w.tx.Exec(`INSERT INTO party_text (docid, text) VALUES ($1, $2)`, id, indexed(p))
		}
	}
	w.parties[p] = id
	return id, err
}

// sweepParties forgets who takes part in nothing any more. The index keeps their
// words, which lead nowhere.
func sweepParties(tx *sqldb.Tx) error {
	_, err := tx.Exec(`DELETE FROM party WHERE NOT EXISTS (SELECT 1 FROM call c WHERE c.party = party.id)
		AND id NOT IN (SELECT party FROM voicemail) AND id NOT IN (SELECT party FROM fax)`)
	return err
}

// partyName is the name to show for a row p of party: the server's, else that of
// the directory, else that of the user's contacts.
const partyName = `CASE WHEN p.name <> '' THEN p.name ELSE coalesce(
	(SELECT e.name FROM extension e WHERE e.number = p.number LIMIT 1),
	(SELECT k.name FROM contact k WHERE k.number = p.number LIMIT 1), '') END`
