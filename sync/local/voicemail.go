package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"timbre/internal/office"
)

// A Voicemail is a message as the user should see it now: the server's row with
// the user's own pending edits laid over it, and the caller's name from the
// directory or the contacts where the server knows none.
type Voicemail struct {
	office.Voicemail
	IsPending bool `json:"isPending"` // an edit of it waits in the outbox
	HasAudio  bool `json:"hasAudio"`  // its sound is cached
}

// Cursor returns the place just after v.
func (v Voicemail) Cursor() Cursor { return Cursor{v.ReceivedAt, v.ID} }

// notDestroyed holds for a row v of voicemail that the user has not deleted.
const notDestroyed = `NOT EXISTS (SELECT 1 FROM outbox d WHERE d.object = v.id AND d.type = 'Voicemail' AND d.action = 'destroy' AND d.reason IS NULL)`

// lastMark is what a waiting edit makes of a row v of voicemail.
const lastMark = `(SELECT m.value FROM outbox m WHERE m.object = v.id AND m.type = 'Voicemail' AND m.action = 'mark' AND m.reason IS NULL ORDER BY m.seq DESC LIMIT 1)`

// selectVoicemail reads rows v of voicemail with what scanVoicemail wants.
const selectVoicemail = `SELECT v.body, v.is_new, ` + lastMark + `,
	EXISTS (SELECT 1 FROM blob b WHERE b.id = v.blob_id AND b.complete), ` + partyName + `
	FROM voicemail v JOIN party p ON p.id = v.party WHERE ` + notDestroyed

func scanVoicemail(row interface{ Scan(...any) error }) (Voicemail, error) {
	var v Voicemail
	var body, name string
	var isNew bool
	var mark sql.NullString
	if err := row.Scan(&body, &isNew, &mark, &v.HasAudio, &name); err != nil {
		return v, err
	}
	if err := json.Unmarshal([]byte(body), &v.Voicemail); err != nil {
		return v, err
	}
	v.IsNew, v.From.Name, v.From.Number = isNew, name, cleanNumber(v.From.Number)
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
	w, err := m.want(ctx, f.Text)
	if err != nil {
		return nil, err
	}
	return m.voicemails(ctx, f, w)
}

func (m *Mirror) voicemails(ctx context.Context, f Filter, w *wanted) (list []Voicemail, err error) {
	q := query{text: selectVoicemail}
	f.within(&q, "v.received_at", "v.id")
	if w != nil {
		q.text += ` AND ` + w.party(&q)
	}
	f.newest(&q, "v.received_at", "v.id")
	err = m.rows(ctx, func(r *sql.Rows) error {
		v, err := scanVoicemail(r)
		list = append(list, v)
		return err
	}, q.text, q.args...)
	return list, err
}

// Voicemail returns one message, or office.ErrNotFound.
func (m *Mirror) Voicemail(ctx context.Context, id office.ID) (Voicemail, error) {
	v, err := scanVoicemail(m.data().QueryRow(ctx, selectVoicemail+` AND v.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return v, office.ErrNotFound
	}
	return v, m.check(err)
}

// NewVoicemails counts the messages that are new to the user.
func (m *Mirror) NewVoicemails(ctx context.Context) (int, error) {
	var n int
	err := m.data().QueryRow(ctx, `SELECT count(*) FROM voicemail v WHERE `+notDestroyed+`
		AND coalesce(json_extract(`+lastMark+`, '$.isNew'), v.is_new)`).Scan(&n)
	return n, m.check(err)
}

func (w *writing) voicemail(body json.RawMessage) error {
	var v office.Voicemail
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	party, err := w.party(v.From)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(`INSERT INTO voicemail (id, received_at, party, is_new, blob_id, round, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET received_at = excluded.received_at, party = excluded.party, is_new = excluded.is_new,
			blob_id = excluded.blob_id, round = excluded.round, body = excluded.body`,
		v.ID, millis(v.ReceivedAt), party, v.IsNew, v.BlobID, w.round, string(body))
	return err
}
