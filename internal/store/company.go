package store

import (
	"context"
	"database/sql"
	"errors"

	"timbre/internal/office"
)

// Company returns the company of the office, or office.ErrNoCompany.
func (s *Store) Company(ctx context.Context) (office.Company, error) {
	var c office.Company
	err := s.db.QueryRow(ctx, "SELECT number, name, region FROM company WHERE id = 1").Scan(&c.Number, &c.Name, &c.Region)
	if errors.Is(err, sql.ErrNoRows) {
		return office.Company{}, office.ErrNoCompany
	}
	return c, err
}

// SetCompany makes c the company of the office.
func (s *Store) SetCompany(ctx context.Context, c office.Company) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		_, err := w.Exec(`INSERT INTO company (id, number, name, region) VALUES (1, $1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name, region = excluded.region`,
			c.Number, c.Name, c.Region)
		return err
	})
}
