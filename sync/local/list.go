package local

import (
	"time"

	"timbre/internal/office"
)

// A Cursor is a place in a list that is sorted by time, newest first. The zero
// Cursor is the start of the list.
type Cursor struct {
	At time.Time
	ID office.ID
}

// A Filter narrows a list. Its zero value is the newest DefaultLimit rows.
type Filter struct {
	Kind  office.CallKind // of calls; Incoming holds the missed ones too; empty: all
	From  time.Time       // not before; zero: open
	To    time.Time       // before; zero: open
	Text  string          // words that begin those of the name, or any part of the number, whatever case and accents
	After Cursor          // the next page begins after the last row's Cursor
	Limit int             // at most so many rows; zero: DefaultLimit
}

// DefaultLimit is the size of a page that asks for no other.
const DefaultLimit = 200

func (f Filter) limit() int {
	if f.Limit <= 0 {
		return DefaultLimit
	}
	return f.Limit
}

// within adds the times that f asks for, and its place, of rows with a time at
// and an id.
func (f Filter) within(q *query, at, id string) {
	if !f.From.IsZero() {
		q.and(at+` >= `, millis(f.From))
	}
	if !f.To.IsZero() {
		q.and(at+` < `, millis(f.To))
	}
	if f.After != (Cursor{}) {
		q.text += ` AND (` + at + `, ` + id + `) < (` + q.arg(millis(f.After.At)) + `, ` + q.arg(f.After.ID) + `)`
	}
}

// newest adds the order of every list.
func (f Filter) newest(q *query, at, id string) {
	q.text += ` ORDER BY ` + at + ` DESC, ` + id + ` DESC LIMIT ` + q.arg(f.limit())
}

// holds reports whether a row that is not in a table, of that time and id, is
// within what f asks for, but its text.
func (f Filter) holds(at time.Time, id office.ID) bool {
	if !f.From.IsZero() && at.Before(f.From) || !f.To.IsZero() && !at.Before(f.To) {
		return false
	}
	return f.After == (Cursor{}) || before(Cursor{at, id}, f.After)
}

// before reports whether the row of a is older than that of b: it stands behind it.
func before(a, b Cursor) bool {
	if at, bt := millis(a.At), millis(b.At); at != bt {
		return at < bt
	}
	return a.ID < b.ID
}
