package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"

	"timbre/internal/office"
)

// A query is an SQL text that grows together with its arguments.
type query struct {
	text string
	args []any
}

// arg adds an argument and returns its placeholder.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// and adds a condition that ends in an argument.
func (q *query) and(condition string, v any) { q.text += " AND " + condition + q.arg(v) }

// A term is one word of a search text. Every term must be found: a word at the
// beginning of a word of the name, a number anywhere in the number too.
type term struct {
	text   string // folded
	number bool   // digits, * and #
}

// maxTerms is how many words of a search text count.
const maxTerms = 16

// terms returns what a text asks for. A number may be typed as people write it.
func terms(text string) []term {
	if n, err := office.ParseNumber(text); err == nil {
		return []term{{strings.TrimPrefix(string(n), "+"), true}}
	}
	var list []term
	for _, w := range words(text) {
		list = append(list, term{w, digits(w) == w})
	}
	return list[:min(len(list), maxTerms)]
}

// A wanted is a search text with those whom it names: the numbers of people of
// the directory and the contacts, under which calls without a name are found.
type wanted struct {
	terms   []term
	numbers string // JSON array
}

// sought is how many people and parties are looked up one by one; where a text
// means more, the lists themselves are walked, which then is quick.
const sought = 2000

// want reads a search text; nil where it is blank.
func (m *Mirror) want(ctx context.Context, text string) (*wanted, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	w := &wanted{terms: terms(text)}
	if len(w.terms) == 0 { // nothing but signs: nobody is called so
		w.numbers = "[]"
		return w, nil
	}
	numbers := []office.Number{}
	q := query{text: `SELECT number FROM extension WHERE `}
	q.text += w.names(&q, "folded") + ` UNION SELECT number FROM contact WHERE ` + w.names(&q, "folded") + ` LIMIT ` + q.arg(sought)
	err := m.rows(ctx, func(r *sql.Rows) error {
		var n office.Number
		err := r.Scan(&n)
		numbers = append(numbers, n)
		return err
	}, q.text, q.args...)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(numbers)
	w.numbers = string(b)
	return w, err
}

// names returns the condition that all terms are in the spaced words of a name.
func (w *wanted) names(q *query, folded string) string {
	all := make([]string, 0, len(w.terms))
	for _, t := range w.terms {
		all = append(all, `instr(`+folded+`, `+q.arg(" "+t.text)+`) > 0`)
	}
	return and(all)
}

// person returns the condition that all terms are in a name or a number.
func (w *wanted) person(q *query, number, folded string) string {
	all := make([]string, 0, len(w.terms))
	for _, t := range w.terms {
		c := `instr(` + folded + `, ` + q.arg(" "+t.text) + `) > 0`
		if t.number {
			c = `(` + c + ` OR instr(` + number + `, ` + q.arg(t.text) + `) > 0)`
		}
		all = append(all, c)
	}
	return and(all)
}

// party returns the condition that a row p of party is wanted.
func (w *wanted) party(q *query) string {
	return `(` + w.person(q, "p.number", "p.folded") + ` OR p.name = '' AND p.number IN (SELECT value FROM json_each(` + q.arg(w.numbers) + `)))`
}

// is reports whether p is wanted. No search at all wants everybody.
func (w *wanted) is(p office.Party) bool {
	if w == nil {
		return true
	}
	name := spaced(p.Name)
	for _, t := range w.terms {
		if !strings.Contains(name, " "+t.text) && !(t.number && strings.Contains(string(p.Number), t.text)) {
			return false
		}
	}
	return len(w.terms) > 0
}

func and(all []string) string {
	if len(all) == 0 {
		return "false"
	}
	return strings.Join(all, " AND ")
}

// index returns what to ask of the index of parties; empty where it is of no use.
func (w *wanted) index() string {
	var b strings.Builder
	for _, t := range w.terms {
		word := t.text
		if t.number {
			word = digits(word)
			if len(word) < minDigits {
				continue
			}
		}
		b.WriteString(`"` + word + `*" `)
	}
	return b.String()
}

// parties returns the parties that are wanted; few is false where they are more
// than sought.
func (m *Mirror) parties(ctx context.Context, w *wanted) (ids []int64, few bool, err error) {
	scan := func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	}
	q := query{text: `SELECT p.id FROM party p WHERE `}
	if index := w.index(); index != "" {
		q.text = `SELECT p.id FROM party_text t CROSS JOIN party p ON p.id = t.docid WHERE t.text MATCH ` + q.arg(index) + ` AND `
	}
	q.text += w.person(&q, "p.number", "p.folded") + ` LIMIT ` + q.arg(sought+1)
	if err := m.rows(ctx, scan, q.text, q.args...); err != nil || len(ids) > sought {
		return nil, false, err
	}
	err = m.rows(ctx, scan, `SELECT p.id FROM json_each($1) j CROSS JOIN party p ON p.number = j.value AND p.name = ''`, w.numbers)
	return ids, true, err
}
