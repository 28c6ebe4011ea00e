package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
)

// A Voicemail is a message as the user should see it now: the server's row with
// the user's own pending edits laid over it.
type Voicemail struct {
	office.Voicemail
	IsPending bool `json:"isPending"` // an edit of it waits in the outbox
	HasAudio  bool `json:"hasAudio"`  // its sound is cached
}

// A Call is one line of the mirrored call log.
type Call struct {
	office.Call
}

// A Cursor is a place in a list that is sorted by time, newest first. The zero
// Cursor is the start of the list.
type Cursor struct {
	At time.Time
	ID office.ID
}

// Cursor returns the place just after v.
func (v Voicemail) Cursor() Cursor { return Cursor{v.ReceivedAt, v.ID} }

// Cursor returns the place just after c.
func (c Call) Cursor() Cursor { return Cursor{c.StartedAt, c.ID} }

// A Filter narrows a list. Its zero value is the newest DefaultLimit rows.
type Filter struct {
	Kind  office.CallKind // of calls; Incoming holds the missed ones too; empty: all
	From  time.Time       // not before; zero: open
	To    time.Time       // before; zero: open
	Text  string          // part of name or number, whatever its case and accents
	After Cursor          // the next page begins after the last row's Cursor
	Limit int             // at most so many rows; zero: DefaultLimit
}

// DefaultLimit is the size of a page that asks for no other.
const DefaultLimit = 200

// notDestroyed holds for a row v of voicemail that the user has not deleted.
const notDestroyed = `NOT EXISTS (SELECT 1 FROM outbox d WHERE d.object = v.id AND d.action = 'destroy' AND d.reason IS NULL)`

// selectVoicemail reads rows v of voicemail with what scanVoicemail wants.
const selectVoicemail = `SELECT v.body, v.is_new,
	(SELECT m.value FROM outbox m WHERE m.object = v.id AND m.action = 'mark' AND m.reason IS NULL ORDER BY m.seq DESC LIMIT 1),
	EXISTS (SELECT 1 FROM audio a WHERE a.blob_id = v.blob_id)
	FROM voicemail v WHERE ` + notDestroyed

func scanVoicemail(row interface{ Scan(...any) error }) (Voicemail, error) {
	var v Voicemail
	var body string
	var isNew bool
	var mark sql.NullString
	if err := row.Scan(&body, &isNew, &mark, &v.HasAudio); err != nil {
		return v, err
	}
	if err := json.Unmarshal([]byte(body), &v.Voicemail); err != nil {
		return v, err
	}
	v.IsNew = isNew
	if mark.Valid {
		v.IsPending = true
		if err := json.Unmarshal([]byte(mark.String), &v.Voicemail); err != nil {
			return v, err
		}
	}
	return v, nil
}

// Voicemails returns a page of messages, newest first.
func (m *Mirror) Voicemails(ctx context.Context, f Filter) ([]Voicemail, error) {
	q := query{text: selectVoicemail}
	q.filter("v.received_at", "v.id", "v.folded", f)
	var list []Voicemail
	err := m.rows(ctx, func(r *sql.Rows) error {
		v, err := scanVoicemail(r)
		list = append(list, v)
		return err
	}, q.text, q.args...)
	return list, err
}

// Voicemail returns one message, or office.ErrNotFound.
func (m *Mirror) Voicemail(ctx context.Context, id office.ID) (Voicemail, error) {
	v, err := scanVoicemail(m.db.QueryRow(ctx, selectVoicemail+` AND v.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return v, office.ErrNotFound
	}
	return v, m.check(err)
}

// NewVoicemails counts the messages that are new to the user.
func (m *Mirror) NewVoicemails(ctx context.Context) (int, error) {
	var n int
	err := m.db.QueryRow(ctx, `SELECT count(*) FROM voicemail v WHERE `+notDestroyed+` AND coalesce(
		(SELECT json_extract(m.value, '$.isNew') FROM outbox m WHERE m.object = v.id AND m.action = 'mark' AND m.reason IS NULL ORDER BY m.seq DESC LIMIT 1),
		v.is_new)`).Scan(&n)
	return n, m.check(err)
}

// Calls returns a page of the call log, newest first.
func (m *Mirror) Calls(ctx context.Context, f Filter) ([]Call, error) {
	q := query{text: `SELECT body FROM call WHERE true`}
	switch f.Kind {
	case "":
	case office.Incoming:
		q.and(`kind <> `, office.Outgoing)
	default:
		q.and(`kind = `, f.Kind)
	}
	q.filter("started_at", "id", "folded", f)
	var list []Call
	err := m.rows(ctx, func(r *sql.Rows) error {
		var body string
		if err := r.Scan(&body); err != nil {
			return err
		}
		var c Call
		err := json.Unmarshal([]byte(body), &c.Call)
		list = append(list, c)
		return err
	}, q.text, q.args...)
	return list, err
}

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

// filter adds what f asks for, but its Kind, and the order.
func (q *query) filter(at, id, folded string, f Filter) {
	if !f.From.IsZero() {
		q.and(at+` >= `, millis(f.From))
	}
	if !f.To.IsZero() {
		q.and(at+` < `, millis(f.To))
	}
	if f.After != (Cursor{}) {
		q.text += ` AND (` + at + `, ` + id + `) < (` + q.arg(millis(f.After.At)) + `, ` + q.arg(f.After.ID) + `)`
	}
	if text := strings.TrimSpace(f.Text); text != "" {
		q.text += ` AND (instr(` + folded + `, ` + q.arg(office.Fold(text)) + `) > 0`
		if n, err := office.ParseNumber(text); err == nil { // typed with spaces and dashes
			q.text += ` OR instr(` + folded + `, ` + q.arg(string(n)) + `) > 0`
		}
		q.text += `)`
	}
	limit := f.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	q.text += ` ORDER BY ` + at + ` DESC, ` + id + ` DESC LIMIT ` + q.arg(limit)
}
