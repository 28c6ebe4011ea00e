package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"timbre/internal/office"
)

// Directory returns the office's extensions whose name or number text means, all
// where it is blank, by name.
func (m *Mirror) Directory(ctx context.Context, text string) (list []office.Entry, err error) {
	w, err := m.want(ctx, text)
	if err != nil {
		return nil, err
	}
	q := query{text: `SELECT id, number, name FROM extension`}
	if w != nil {
		q.text += ` WHERE ` + w.person(&q, "number", "folded")
	}
	err = m.rows(ctx, func(r *sql.Rows) error {
		var e office.Entry
		err := r.Scan(&e.ID, &e.Number, &e.Name)
		list = append(list, e)
		return err
	}, q.text+` ORDER BY folded, number`, q.args...)
	return list, err
}

// Name returns who has the number: from the directory, else from the contacts,
// empty where neither knows.
func (m *Mirror) Name(ctx context.Context, number office.Number) (string, error) {
	var name string
	err := m.data().QueryRow(ctx, `SELECT name FROM (SELECT name, 1 AS rank FROM extension WHERE number = $1
		UNION ALL SELECT name, 2 FROM contact WHERE number = $1) ORDER BY rank LIMIT 1`, number).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, m.check(err)
}

func (w *writing) extension(body json.RawMessage) error {
	var e office.Entry
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	e.Number, e.Name = cleanNumber(e.Number), clean(e.Name)
	_, err := w.tx.Exec(`INSERT INTO extension (id, number, name, folded, round) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name, folded = excluded.folded, round = excluded.round`,
		e.ID, e.Number, e.Name, spaced(e.Name), w.round)
	return err
}
