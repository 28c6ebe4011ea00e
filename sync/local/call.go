package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"timbre/internal/office"
)

// A Call is one line of the mirrored call log, with the other side's name from
// the directory or the contacts where the server knows none.
type Call struct {
	office.Call
}

// Cursor returns the place just after c.
func (c Call) Cursor() Cursor { return Cursor{c.StartedAt, c.ID} }

// selectCall reads rows c of call with what scanCall wants.
const selectCall = `SELECT c.id, c.started_at, c.kind, c.outcome, c.reason, p.number, ` + partyName + `, c.answered_at, c.ring, c.duration,
	c.answered_by, c.forwarded_to, c.enc_local, c.enc_remote, c.quality FROM call c JOIN party p ON p.id = c.party`

func scanCall(r *sql.Rows) (Call, error) {
	var c Call
	var at, ring, duration int64
	var answered sql.NullInt64
	var quality string
	err := r.Scan(&c.ID, &at, &c.Kind, &c.Outcome, &c.Reason, &c.Peer.Number, &c.Peer.Name, &answered, &ring, &duration,
		&c.AnsweredBy, &c.ForwardedTo, &c.Encryption.Local, &c.Encryption.Remote, &quality)
	if err != nil {
		return c, err
	}
	c.StartedAt, c.AnsweredAt = instant(at), maybe(answered)
	c.RingDuration, c.Duration = office.Duration(ring)*office.Duration(time.Second), office.Duration(duration)*office.Duration(time.Second)
	if quality != "" {
		err = json.Unmarshal([]byte(quality), &c.Quality)
	}
	return c, err
}

// Calls returns a page of the call log, newest first.
func (m *Mirror) Calls(ctx context.Context, f Filter) ([]Call, error) {
	w, err := m.want(ctx, f.Text)
	if err != nil {
		return nil, err
	}
	return m.calls(ctx, f, w)
}

func (m *Mirror) calls(ctx context.Context, f Filter, w *wanted) (list []Call, err error) {
	if w != nil {
		parties, few, err := m.parties(ctx, w)
		if err != nil {
			return nil, err
		}
		if few {
			return m.callsOf(ctx, f, parties)
		}
	}
	q := query{}
	f.ofKinds(&q, w)
	return m.readCalls(ctx, q)
}

func (m *Mirror) readCalls(ctx context.Context, q query) (list []Call, err error) {
	err = m.rows(ctx, func(r *sql.Rows) error {
		c, err := scanCall(r)
		list = append(list, c)
		return err
	}, q.text, q.args...)
	return list, err
}

// callsOf returns the calls with few parties that f means. It looks a week back,
// then eight, and so on until there are enough: some parties have very many calls,
// others very few.
func (m *Mirror) callsOf(ctx context.Context, f Filter, parties []int64) (list []Call, err error) {
	if len(parties) == 0 {
		return nil, nil
	}
	var oldest, newest sql.NullInt64
	if err := m.data().QueryRow(ctx, `SELECT (SELECT min(started_at) FROM call), (SELECT max(started_at) FROM call)`).Scan(&oldest, &newest); err != nil {
		return nil, m.check(err)
	}
	for _, top := range []time.Time{f.To, f.After.At} {
		if !top.IsZero() {
			newest.Int64 = min(newest.Int64, millis(top))
		}
	}
	for window := 7 * 24 * time.Hour.Milliseconds(); ; window *= 8 {
		since := newest.Int64 - window
		q := query{}
		f.ofParties(&q, parties, since)
		list, err = m.readCalls(ctx, q)
		if err != nil || len(list) == f.limit() || since < oldest.Int64 {
			return list, err
		}
	}
}

// ofKinds asks for the calls that f means, each kind by its own index so that a
// rare one is found as quickly as any.
func (f Filter) ofKinds(q *query, w *wanted) {
	kinds := []office.CallKind{f.Kind}
	if f.Kind == office.Incoming {
		kinds = append(kinds, office.Missed)
	}
	q.text = selectCall + ` WHERE c.rowid IN (`
	for i, kind := range kinds {
		if i > 0 {
			q.text += ` UNION ALL `
		}
		q.text += `SELECT * FROM (SELECT c.rowid FROM call c INDEXED BY `
		if kind == "" {
			q.text += `call_time`
		} else {
			q.text += `call_kind`
		}
		if w != nil {
			q.text += ` CROSS JOIN party p ON p.id = c.party`
		}
		if q.text += ` WHERE true`; kind != "" {
			q.and(`c.kind = `, kind)
		}
		f.within(q, "c.started_at", "c.id")
		if w != nil {
			q.text += ` AND ` + w.party(q)
		}
		f.newest(q, "c.started_at", "c.id")
		q.text += `)`
	}
	q.text += `)`
	f.newest(q, "+c.started_at", "c.id") // the few that were found are sorted, not looked for again
}

// ofParties asks for the calls with parties that f means, not before since.
func (f Filter) ofParties(q *query, parties []int64, since int64) {
	ids, _ := json.Marshal(parties) // numbers only
	q.text = selectCall + ` WHERE c.rowid IN (SELECT x.rowid FROM json_each(` + q.arg(string(ids)) + `) j
		CROSS JOIN call x INDEXED BY call_party ON x.party = j.value`
	q.and(`x.started_at >= `, since)
	switch f.Kind {
	case "":
	case office.Incoming:
		q.text += ` AND x.kind IN ('incoming', 'missed')`
	default:
		q.and(`x.kind = `, f.Kind)
	}
	f.within(q, "x.started_at", "x.id")
	f.newest(q, "x.started_at", "x.id")
	q.text += `)`
	f.newest(q, "+c.started_at", "c.id")
}

// callObject is a call with its quality as the server sent it.
type callObject struct {
	office.Call
	Quality json.RawMessage `json:"quality"`
}

func (w *writing) calls(calls []callObject) error {
	parties := make([]office.Party, len(calls))
	for i := range calls {
		parties[i] = calls[i].Peer
	}
	if err := w.meet(parties); err != nil {
		return err
	}
	for i := range calls {
		party, err := w.party(parties[i])
		if err != nil {
			return err
		}
		if err := w.call(&calls[i], party); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) call(c *callObject, party int64) error {
	var answered any
	if c.AnsweredAt != nil {
		answered = millis(*c.AnsweredAt)
	}
	quality := string(c.Quality)
	if quality == "null" || quality == "{}" {
		quality = ""
	}
	_, err := w.tx.Exec(`INSERT INTO call (id, started_at, kind, party, outcome, reason, answered_at, ring, duration,
			answered_by, forwarded_to, enc_local, enc_remote, quality, round)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, kind = excluded.kind, party = excluded.party,
			outcome = excluded.outcome, reason = excluded.reason, answered_at = excluded.answered_at, ring = excluded.ring,
			duration = excluded.duration, answered_by = excluded.answered_by, forwarded_to = excluded.forwarded_to,
			enc_local = excluded.enc_local, enc_remote = excluded.enc_remote, quality = excluded.quality, round = excluded.round`,
		string(c.ID), millis(c.StartedAt), clean(string(c.Kind)), party, clean(string(c.Outcome)), clean(c.Reason), answered, seconds(c.RingDuration), seconds(c.Duration),
		clean(c.AnsweredBy), string(cleanNumber(c.ForwardedTo)), c.Encryption.Local, c.Encryption.Remote, quality, w.round)
	return err
}

func seconds(d office.Duration) int64 { return int64(time.Duration(d) / time.Second) }
