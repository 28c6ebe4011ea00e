package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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

// A list is one account's rows of a type in order of time.
type list struct {
	account     office.ID
	is          Type
	table, time string // the table and the column of its time
	where       strings.Builder
	args        []any
	searched    bool // for text, which no index helps with
}

// newList returns the list of all rows of type t of account.
func newList(t Type, time string, account office.ID) *list {
	l := &list{account: account, is: t, table: tables[t], time: time}
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

// containing keeps the rows whose party has every word of text; those behind
// maxWords count no more.
func (l *list) containing(text string) {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	text = strings.ReplaceAll(strings.ToValidUTF8(text, " "), "\x00", " ") // what PostgreSQL refuses
	var words []string
	for word := range strings.FieldsSeq(office.Fold(text)) {
		if slices.Contains(words, word) {
			continue
		}
		if words = append(words, word); len(words) > maxWords {
			return
		}
		l.searched = true
		l.and(`folded LIKE ? ESCAPE '\'`, "%"+escape.Replace(word)+"%")
	}
}

// inTurn runs read, which reads l, when it is its turn. ErrUnavailable: that did not
// come, or it takes too long.
func (s *Store) inTurn(ctx context.Context, l *list, read func(context.Context) error) error {
	if !l.searched {
		return read(ctx)
	}
	return s.searches.do(ctx, l.account, read)
}

// ids returns a page of the list, newest first. ErrNotFound: the anchor is not
// a row of the account; ErrUnavailable as inTurn has it, also of place and count.
func (s *Store) ids(ctx context.Context, l *list, p Page) ([]office.ID, error) {
	if p.Limit <= 0 || p.Limit > MaxPage {
		p.Limit = MaxPage
	}
	p.Position = max(p.Position, 0)
	begins, known := p.Position, true // which row of the list is the page's first
	end := place{list: l.name()}
	before, _, err := position(s.row(ctx), l.account, l.is)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		return nil, err
	}
	if p.Anchor != "" {
		var n int
		n, known = s.places.find(place{end.list, before, p.Anchor})
		begins += n + 1
	}
	var ids []office.ID
	err = s.inTurn(ctx, l, func(ctx context.Context) (err error) {
		ids, err = l.ids(ctx, s.db, p)
		return err
	})
	if err != nil || !known || len(ids) < p.Limit {
		return ids, err
	}
	if end.seq, _, err = position(s.row(ctx), l.account, l.is); err != nil || end.seq != before {
		return ids, err // it changed meanwhile: nobody knows what was counted
	}
	end.id = ids[len(ids)-1]
	s.places.note(end, begins+len(ids)-1)
	return ids, nil
}

// ids reads a page.
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
	query := fmt.Sprintf("SELECT id FROM %s WHERE %s ORDER BY %s DESC, id DESC LIMIT %d OFFSET %d",
		l.table, l.where.String(), l.time, p.Limit, p.Position)
	rows, err := db.Query(ctx, query, l.args...)
	return collect(rows, err, scanID)
}

// place returns how many rows of the list are newer than the row id, or of the
// same time and listed before it: quickly, where a page ended with it. ErrNotFound:
// it is none of the list.
func (s *Store) place(ctx context.Context, l *list, id office.ID) (n int, err error) {
	return s.counted(ctx, l, id, func(ctx context.Context) (int, error) { return l.place(ctx, s.db, id) })
}

// count returns how many rows the list has.
func (s *Store) count(ctx context.Context, l *list) (n int, err error) {
	n, err = s.counted(ctx, l, "", func(ctx context.Context) (int, error) { return l.count(ctx, s.db) })
	if errors.Is(err, office.ErrNotFound) { // nobody has nothing
		return 0, nil
	}
	return n, err
}

// counted returns how many rows of the list stand before id, or all; count says so
// where it is not remembered of the state that the rows are in. ErrNotFound: no
// such account.
func (s *Store) counted(ctx context.Context, l *list, id office.ID, count func(context.Context) (int, error)) (n int, err error) {
	p := place{list: l.name(), id: id}
	if p.seq, _, err = position(s.row(ctx), l.account, l.is); err != nil {
		return 0, err
	}
	if n, ok := s.places.find(p); ok {
		return n, nil
	}
	err = s.inTurn(ctx, l, func(ctx context.Context) (err error) {
		n, err = count(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	if after, _, err := position(s.row(ctx), l.account, l.is); err != nil || after != p.seq {
		return n, err
	}
	s.places.note(p, n)
	return n, nil
}

// place counts.
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

// count counts the rows. Every time is named, so that the index of the list is
// read and not each row: SQLite would take another one.
func (l *list) count(ctx context.Context, db *sqldb.DB) (n int, err error) {
	l.and(l.time+" >= ?", int64(math.MinInt64))
	err = db.QueryRow(ctx, "SELECT count(*) FROM "+l.table+" WHERE "+l.where.String(), l.args...).Scan(&n)
	return n, err
}
