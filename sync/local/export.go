package local

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
)

// A CSVStyle is how a table is written so that the user's spreadsheet opens it
// right.
type CSVStyle struct {
	Language  office.Language // of the heads and words; empty: office.Spanish
	Separator byte            // between cells: a comma, or a semicolon where the comma is the decimal sign; 0: comma
	Location  *time.Location  // of dates and times; nil: time.Local
	Device    office.ID       // whose quality is told: this computer's; empty: none
}

// ExportCalls writes the calls that f means, newest first, as CSV (RFC 4180) for
// spreadsheets: UTF-8 with a byte order mark, CRLF. No cell can be taken for a
// formula, whatever a caller calls himself. Place and Limit of f count for
// nothing. The memory that it takes does not grow with the calls.
func (m *Mirror) ExportCalls(ctx context.Context, w io.Writer, f Filter, style CSVStyle) error {
	q := query{text: `SELECT c.started_at, c.kind || ' ' || c.outcome || CASE c.reason WHEN ` + `'` + office.Interrupted + `' THEN ' cut' ELSE '' END,
		` + partyName + `, p.number, c.ring, c.duration, c.answered_by, c.forwarded_to`}
	q.text += `, CASE WHEN instr(c.quality, ` + q.arg(style.Device) + `) > 0 THEN c.quality END FROM call c INDEXED BY call_time CROSS JOIN party p ON p.id = c.party WHERE true`
	switch f.Kind {
	case "":
	case office.Incoming:
		q.text += ` AND c.kind IN ('incoming', 'missed')`
	default:
		q.and(`c.kind = `, f.Kind)
	}
	f.After = Cursor{}
	f.within(&q, "c.started_at", "c.id")
	who, err := m.want(ctx, f.Text)
	if err != nil {
		return err
	}
	if who != nil {
		q.text += ` AND ` + who.party(&q)
	}
	t := newTable(w, style)
	t.head()
	err = m.rows(ctx, t.call, q.text+` ORDER BY c.started_at DESC`, q.args...)
	if err == nil {
		err = t.w.Flush()
	}
	if err != nil {
		return fmt.Errorf("exporting calls: %w", err)
	}
	return nil
}

// A table writes rows of cells.
type table struct {
	style CSVStyle
	words csvWords
	w     *bufio.Writer
	row   []byte            // under construction
	ended map[string]string // the cells for each kind, with how it ended

	// Of the call that is read: they are here so that a row costs nothing new.
	at, ring, duration               int64
	end, name, number                sql.RawBytes
	answeredBy, forwardedTo, quality sql.RawBytes
	of                               []any // pointers to all of them
}

func newTable(w io.Writer, style CSVStyle) *table {
	if style.Separator == 0 {
		style.Separator = ','
	}
	if style.Location == nil {
		style.Location = time.Local
	}
	t := &table{style: style, words: wordsOf(style.Language), w: bufio.NewWriterSize(w, 64<<10), ended: map[string]string{}}
	t.of = []any{&t.at, &t.end, &t.name, &t.number, &t.ring, &t.duration, &t.answeredBy, &t.forwardedTo, &t.quality}
	return t
}

// head writes the byte order mark and the names of the columns.
func (t *table) head() {
	t.row = append(t.row[:0], "\ufeff"...)
	for i, h := range t.words.heads {
		if i > 0 {
			t.row = append(t.row, t.style.Separator)
		}
		t.row = append(t.row, h...)
	}
	t.row = append(t.row, "\r\n"...)
	t.w.Write(t.row) // its error comes with Flush
}

// call writes the row of one call.
func (t *table) call(r *sql.Rows) error {
	if err := r.Scan(t.of...); err != nil {
		return err
	}
	at := instant(t.at).In(t.style.Location)
	t.row = at.AppendFormat(t.row[:0], time.DateOnly)
	t.row = append(t.row, t.style.Separator)
	t.row = at.AppendFormat(t.row, time.TimeOnly)
	t.row = append(append(t.row, t.style.Separator), t.ending()...)
	t.text(t.name)
	t.phone(t.number)
	t.row = strconv.AppendInt(append(t.row, t.style.Separator), t.ring, 10)
	t.clock(t.duration)
	t.text(t.answeredBy)
	t.phone(t.forwardedTo)
	if err := t.measured(); err != nil {
		return err
	}
	t.row = append(t.row, "\r\n"...)
	_, err := t.w.Write(t.row)
	return err
}

// maxEnded bounds the kinds and ends that are remembered: there are few, unless
// the server invents them.
const maxEnded = 100

// ending returns the cells for the kind of the call and how it ended.
func (t *table) ending() string {
	if cells, known := t.ended[string(t.end)]; known {
		return cells
	}
	kind, outcome, _ := strings.Cut(string(t.end), " ")
	outcome, cut := strings.CutSuffix(outcome, " cut")
	row := t.row
	t.row = nil
	t.text([]byte(t.words.kind(kind)))
	t.text([]byte(t.words.outcome(outcome, cut)))
	cells := string(t.row[1:]) // behind the separator
	t.row = row
	if len(t.ended) < maxEnded {
		t.ended[string(t.end)] = cells
	}
	return cells
}

// text adds what somebody else wrote, so that it is neither a formula nor the
// end of a cell, whichever separator a spreadsheet goes by.
func (t *table) text(s []byte) {
	t.row = append(t.row, t.style.Separator)
	danger := len(s) > 0 && bytes.IndexByte([]byte("=+-@\t\r"), s[0]) >= 0
	if !bytes.ContainsAny(s, ",;\t\"\r\n") {
		if danger {
			t.row = append(t.row, '\'')
		}
		t.row = append(t.row, s...)
		return
	}
	t.row = append(t.row, '"')
	if danger {
		t.row = append(t.row, '\'')
	}
	for _, c := range s {
		if c == '"' {
			t.row = append(t.row, '"')
		}
		t.row = append(t.row, c)
	}
	t.row = append(t.row, '"')
}

// phone adds a number as text that a spreadsheet does not take for a quantity.
func (t *table) phone(s []byte) {
	n := office.Number(s)
	if n.IsExtension() && !n.IsEmergency("") {
		t.row = append(append(append(t.row, t.style.Separator), "Ext. "...), n...)
		return
	}
	t.text([]byte(n.Written()))
}

// clock adds seconds as h:mm:ss.
func (t *table) clock(seconds int64) {
	t.row = strconv.AppendInt(append(t.row, t.style.Separator), seconds/3600, 10)
	for _, two := range [2]int64{seconds / 60 % 60, seconds % 60} {
		t.row = append(t.row, ':', byte('0'+two/10), byte('0'+two%10))
	}
}

// measured adds the quality that the style's device measured: codec, loss in per
// cent, jitter and delay in milliseconds.
func (t *table) measured() error {
	var of map[office.ID]office.Quality
	if len(t.quality) > 0 {
		if err := json.Unmarshal(t.quality, &of); err != nil {
			return err
		}
	}
	q, has := of[t.style.Device]
	if !has {
		t.row = append(t.row, t.style.Separator, t.style.Separator, t.style.Separator, t.style.Separator)
		return nil
	}
	t.text([]byte(q.Codec))
	t.decimal(q.Loss*100, 1)
	t.decimal(q.Jitter*1000, 0)
	t.decimal(q.Delay*1000, 0)
	return nil
}

// decimal adds a number with the decimal sign that goes with the separator.
func (t *table) decimal(v float64, digits int) {
	begin := len(t.row) + 1
	t.row = strconv.AppendFloat(append(t.row, t.style.Separator), v, 'f', digits, 64)
	if t.style.Separator == ';' {
		if dot := bytes.IndexByte(t.row[begin:], '.'); dot >= 0 {
			t.row[begin+dot] = ','
		}
	}
}
