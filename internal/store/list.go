package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Page is a part of a list, newest first.
type Page struct {
	Anchor   office.ID // begin behind this row; "" from the top
	Position int       // then skip so many; slow when large
	Limit    int       // at most so many; 0: MaxPage
}

// A list is one account's rows of a table in order of time.
type list struct {
	table, time string // the table and the column of its time
	where       strings.Builder
	args        []any
}

// newList returns the list of all rows of account.
func newList(table, time string, account office.ID) *list {
	l := &list{table: table, time: time}
	l.and("account = ?", account)
	return l
}

// and keeps only the rows for which cond holds; each ? is the next of args.
func (l *list) and(cond string, args ...any) {
	if l.where.Len() > 0 {
		l.where.WriteString(" AND ")
	}
	for _, a := range args {
		l.args = append(l.args, a)
		cond = strings.Replace(cond, "?", "$"+strconv.Itoa(len(l.args)), 1)
	}
	l.where.WriteString(cond)
}

// between keeps the rows of a span of time; a zero time is no limit.
func (l *list) between(after, before time.Time) {
	if !after.IsZero() {
		l.and(l.time+" >= ?", millis(after))
	}
	if !before.IsZero() {
		l.and(l.time+" < ?", millis(before))
	}
}

// containing keeps the rows whose party has every word of text.
func (l *list) containing(text string) {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	text = strings.ReplaceAll(strings.ToValidUTF8(text, " "), "\x00", " ") // what PostgreSQL refuses
	for _, word := range strings.Fields(office.Fold(text)) {
		l.and(`folded LIKE ? ESCAPE '\'`, "%"+escape.Replace(word)+"%")
	}
}

// ids returns a page of the list, newest first. ErrNotFound: the anchor is not
// a row of the account.
func (l *list) ids(ctx context.Context, db *sqldb.DB, p Page) ([]office.ID, error) {
	if p.Anchor != "" && !p.Anchor.Valid() {
		return nil, office.ErrNotFound
	}
	if p.Anchor != "" {
		var t int64
		err := db.QueryRow(ctx, "SELECT "+l.time+" FROM "+l.table+" WHERE account = $1 AND id = $2", l.args[0], p.Anchor).Scan(&t)
		if err != nil {
			return nil, found(err)
		}
		l.and("("+l.time+", id) < (?, ?)", t, p.Anchor)
	}
	if p.Limit <= 0 || p.Limit > MaxPage {
		p.Limit = MaxPage
	}
	query := fmt.Sprintf("SELECT id FROM %s WHERE %s ORDER BY %s DESC, id DESC LIMIT %d OFFSET %d",
		l.table, l.where.String(), l.time, p.Limit, max(p.Position, 0))
	rows, err := db.Query(ctx, query, l.args...)
	return collect(rows, err, scanID)
}

// place returns how many rows of the list are newer than the row id, or of the
// same time and listed before it. ErrNotFound: it is none of the list.
func (l *list) place(ctx context.Context, db *sqldb.DB, id office.ID) (n int, err error) {
	if !id.Valid() {
		return 0, office.ErrNotFound
	}
	all, args := l.where.String(), l.args
	l.and("id = ?", id)
	var t int64
	if err := db.QueryRow(ctx, "SELECT "+l.time+" FROM "+l.table+" WHERE "+l.where.String(), l.args...).Scan(&t); err != nil {
		return 0, found(err)
	}
	l.where.Reset()
	l.where.WriteString(all)
	l.args = args
	l.and("("+l.time+", id) > (?, ?)", t, id)
	return l.count(ctx, db)
}

// count returns how many rows the list has.
func (l *list) count(ctx context.Context, db *sqldb.DB) (n int, err error) {
	err = db.QueryRow(ctx, "SELECT count(*) FROM "+l.table+" WHERE "+l.where.String(), l.args...).Scan(&n)
	return n, err
}
