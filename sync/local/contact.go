package local

import (
	"context"
	"database/sql"
	"fmt"
	"io"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Contact is one number of a person in the user's own address book, which stays
// on this computer.
type Contact struct {
	Name   string        `json:"name"`
	Number office.Number `json:"number"`
	Label  string        `json:"label"` // what kind of number it is, such as "work"; as the address book says it
}

// maxContacts is how many numbers are kept.
const maxContacts = 50_000

// ImportContacts takes over the numbers of an address book in vCard format (RFC
// 6350 and the versions before it) and returns how many of them are new. Numbers that
// are not international are read as in the region. What is there already stays, a
// number that comes again with the same name gets the new label. office.ErrLimit,
// with nothing imported, where there are more than can be kept or the file is too
// large; office.ErrName where it is no address book.
func (m *Mirror) ImportContacts(ctx context.Context, r io.Reader, region office.Region) (n int, err error) {
	contacts, err := readCards(r, maxBook, region)
	if err != nil {
		return 0, fmt.Errorf("importing contacts: %w", err)
	}
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		var before, kept int
		if err := tx.QueryRow(`SELECT count(*) FROM contact`).Scan(&before); err != nil {
			return err
		}
		for _, c := range contacts {
			_, err := tx.Exec(`INSERT INTO contact (name, number, label, folded) VALUES ($1, $2, $3, $4)
				ON CONFLICT (number, name) DO UPDATE SET label = excluded.label`, c.Name, c.Number, c.Label, spaced(c.Name))
			if err != nil {
				return err
			}
		}
		if err := tx.QueryRow(`SELECT count(*) FROM contact`).Scan(&kept); err != nil {
			return err
		}
		if kept > maxContacts {
			return office.ErrLimit
		}
		n = kept - before
		return nil
	}, contactStamp)
	if err != nil {
		return 0, fmt.Errorf("importing contacts: %w", err)
	}
	return n, nil
}

// Contacts returns the contacts whose name or number text means, all where it is
// blank, by name.
func (m *Mirror) Contacts(ctx context.Context, text string) (list []Contact, err error) {
	w, err := m.want(ctx, text)
	if err != nil {
		return nil, err
	}
	q := query{text: `SELECT name, number, label FROM contact`}
	if w != nil {
		q.text += ` WHERE ` + w.person(&q, "number", "folded")
	}
	err = m.rows(ctx, func(r *sql.Rows) error {
		var c Contact
		err := r.Scan(&c.Name, &c.Number, &c.Label)
		list = append(list, c)
		return err
	}, q.text+` ORDER BY folded, number`, q.args...)
	return list, err
}

// RemoveContacts forgets all contacts.
func (m *Mirror) RemoveContacts(ctx context.Context) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM contact`)
		return err
	}, contactStamp)
}
