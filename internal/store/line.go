package store

import (
	"context"
	"database/sql"

	"timbre/internal/office"
)

const lineQuery = `SELECT l.number, l.fax, l.menu, coalesce(x.extension, '') FROM line l
	LEFT JOIN line_extension x ON x.line = l.number `

// Lines returns the office's own numbers outside, by number.
func (s *Store) Lines(ctx context.Context) ([]office.Line, error) {
	rows, err := s.db.Query(ctx, lineQuery+"ORDER BY l.number, x.place")
	return collectLines(rows, err)
}

// LineOf returns the office's own number n, or office.ErrNotFound.
func (s *Store) LineOf(ctx context.Context, n office.Number) (office.Line, error) {
	rows, err := s.db.Query(ctx, lineQuery+"WHERE l.number = $1 ORDER BY x.place", n)
	all, err := collectLines(rows, err)
	if err == nil && len(all) == 0 {
		err = office.ErrNotFound
	}
	if err != nil {
		return office.Line{}, found(err)
	}
	return all[0], nil
}

// collectLines reads the rows of lineQuery: one for each extension of a line, or
// one where it has none.
func collectLines(rows *sql.Rows, err error) ([]office.Line, error) {
	var out []office.Line
	_, err = collect(rows, err, func(r *sql.Rows) (struct{}, error) {
		var l office.Line
		var ext office.Number
		if err := r.Scan(&l.Number, &l.Fax, &l.Menu, &ext); err != nil {
			return struct{}{}, err
		}
		if len(out) == 0 || out[len(out)-1].Number != l.Number {
			l.Extensions = []office.Number{}
			out = append(out, l)
		}
		if ext != "" {
			last := &out[len(out)-1]
			last.Extensions = append(last.Extensions, ext)
		}
		return struct{}{}, nil
	})
	return out, err
}

// SetLine adds the office's own number l.Number or replaces what it rings.
// ErrNotFound: one of its extensions does not exist.
func (s *Store) SetLine(ctx context.Context, l office.Line) error {
	return s.write(ctx, func(w *writing) error {
		w.configured = true
		if err := w.touchOwners(l.Number); err != nil { // who rang until now
			return err
		}
		_, err := w.Exec(`INSERT INTO line (number, fax, menu) VALUES ($1, $2, $3)
			ON CONFLICT (number) DO UPDATE SET fax = excluded.fax, menu = excluded.menu`, l.Number, l.Fax, l.Menu)
		if err != nil {
			return err
		}
		if _, err := w.Exec("DELETE FROM line_extension WHERE line = $1", l.Number); err != nil {
			return err
		}
		for i, ext := range l.Extensions {
			err := affected(w.Exec(`INSERT INTO line_extension (line, extension, place) SELECT $1, e.number, $2 FROM extension e WHERE e.number = $3
				ON CONFLICT (line, extension) DO UPDATE SET place = excluded.place`, l.Number, i, ext))
			if err != nil {
				return err
			}
		}
		return w.touchOwners(l.Number)
	})
}

// RemoveLine removes the office's own number n. ErrNotFound: it is none.
func (s *Store) RemoveLine(ctx context.Context, n office.Number) error {
	return s.write(ctx, func(w *writing) error {
		w.configured = true
		if err := w.touchOwners(n); err != nil {
			return err
		}
		return affected(w.Exec("DELETE FROM line WHERE number = $1", n)) // whom it rings goes with it
	})
}

// touchOwners tells the extensions that line n rings that their choices of a
// caller ID change.
func (w *writing) touchOwners(n office.Number) error {
	rows, err := w.Query(`SELECT e.account FROM extension e JOIN line_extension x ON x.extension = e.number
		WHERE x.line = $1 ORDER BY e.account`, n)
	owners, err := collect(rows, err, scanID)
	if err != nil {
		return found(err)
	}
	return w.touch(TypeCallerIDSettings, owners...)
}
