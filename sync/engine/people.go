package engine

import (
	"context"
	"io"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Search finds text in all that is here: at most limit people, and then at most
// limit of the others, newest first. See local.Mirror.
func (e *Engine) Search(ctx context.Context, text string, limit int) ([]local.Hit, error) {
	return read(e, func(m *local.Mirror) ([]local.Hit, error) { return m.Search(ctx, text, limit) })
}

// Directory returns the office's extensions whose name or number text means, all
// where it is blank, by name.
func (e *Engine) Directory(ctx context.Context, text string) ([]office.Entry, error) {
	return read(e, func(m *local.Mirror) ([]office.Entry, error) { return m.Directory(ctx, text) })
}

// Contacts is Directory for the user's own address book on this computer.
func (e *Engine) Contacts(ctx context.Context, text string) ([]local.Contact, error) {
	return read(e, func(m *local.Mirror) ([]local.Contact, error) { return m.Contacts(ctx, text) })
}

// Name returns who has the number, empty where nobody here knows.
func (e *Engine) Name(ctx context.Context, number office.Number) (string, error) {
	return read(e, func(m *local.Mirror) (string, error) { return m.Name(ctx, number) })
}

// ImportContacts takes over the numbers of an address book in vCard format and
// returns how many there were; numbers that are not international are read as in
// the region. office.ErrLimit where there are too many, office.ErrName where it is
// no address book.
func (e *Engine) ImportContacts(ctx context.Context, book io.Reader, region office.Region) (n int, err error) {
	err = e.edit(ctx, func(m *local.Mirror) error { n, err = m.ImportContacts(ctx, book, region); return err })
	return n, err
}

// RemoveContacts forgets all contacts.
func (e *Engine) RemoveContacts(ctx context.Context) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.RemoveContacts(ctx) })
}
