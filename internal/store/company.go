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
	err := s.db.QueryRow(ctx, "SELECT number, name, region, time_zone, email FROM company WHERE id = 1").
		Scan(&c.Number, &c.Name, &c.Region, &c.TimeZone, &c.Email)
	if errors.Is(err, sql.ErrNoRows) {
		return office.Company{}, office.ErrNoCompany
	}
	return c, err
}

// SetCompany makes c the company of the office. All accounts are told.
func (s *Store) SetCompany(ctx context.Context, c office.Company) error {
	return s.write(ctx, func(w *writing) error {
		w.members, w.configured = true, true
		_, err := w.Exec(`INSERT INTO company (id, number, name, region, time_zone, email) VALUES (1, $1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name, region = excluded.region,
				time_zone = excluded.time_zone, email = excluded.email`,
			c.Number, c.Name, c.Region, c.TimeZone, c.Email)
		if err != nil {
			return err
		}
		return w.touchAll(TypeProfile, TypeCallerIDSettings)
	})
}
