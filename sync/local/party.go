package local

import (
	"database/sql"
	"encoding/json"
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

// cleaned returns p as it can be shown anywhere: the server may pass on what a
// stranger wrote.
func cleaned(p office.Party) office.Party {
	return office.Party{Number: cleanNumber(p.Number), Name: clean(p.Name)}
}

func cleanNumber(n office.Number) office.Number { return office.Number(clean(string(n))) }

// clean is office.CleanName for what is clean most often.
func clean(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' {
			return office.CleanName(s)
		}
	}
	return s[:min(len(s), office.MaxName)]
}

// party returns the id of p, cleaned, which it makes known where it is new.
func (w *writing) party(p office.Party) (int64, error) {
	p = cleaned(p)
	if id := w.parties[p]; id != 0 {
		return id, nil
	}
	var id int64
	err := sql.ErrNoRows
	if !w.met {
		err = w.tx.QueryRow(`SELECT id FROM party WHERE number = $1 AND name = $2`, p.Number, p.Name).Scan(&id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		var r sql.Result
		if r, err = w.tx.Exec(`INSERT INTO party (number, name, folded) VALUES ($1, $2, $3)`, p.Number, p.Name, spaced(p.Name)); err == nil {
			id, err = r.LastInsertId()
			w.fresh = append(w.fresh, p)
		}
	}
	w.parties[p] = id
	return id, err
}

// meet looks up parties together, which is quicker than one by one. From then on
// party takes one that is not among them for new.
func (w *writing) meet(parties []office.Party) error {
	pairs := make([][2]string, 0, len(parties))
	for _, p := range parties {
		p = cleaned(p)
		if _, twice := w.parties[p]; !twice {
			w.parties[p] = 0
			pairs = append(pairs, [2]string{string(p.Number), p.Name})
		}
	}
	list, err := json.Marshal(pairs)
	if err != nil {
		return err
	}
	rows, err := w.tx.Query(`SELECT p.id, p.number, p.name FROM json_each($1) j
		CROSS JOIN party p ON p.number = j.value ->> 0 AND p.name = j.value ->> 1`, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var p office.Party
		if err := rows.Scan(&id, &p.Number, &p.Name); err != nil {
			return err
		}
		w.parties[p] = id
	}
	w.met = true
	return rows.Err()
}

// index makes the parties that are new known to the index: all together, because
// it writes what it has gathered as often as another statement comes between.
func (w *writing) index() error {
	for _, p := range w.fresh {
		if _, err := w.tx.Exec(`INSERT INTO party_text (docid, text) VALUES ($1, $2)`, w.parties[p], indexed(p)); err != nil {
			return err
		}
	}
	return nil
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
