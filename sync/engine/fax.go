package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Faxes returns a page of faxes, newest first.
func (e *Engine) Faxes(ctx context.Context, f local.Filter) ([]local.Fax, error) {
	return read(e, func(m *local.Mirror) ([]local.Fax, error) { return m.Faxes(ctx, f) })
}

// Fax returns one fax by its ID or client reference, or office.ErrNotFound.
func (e *Engine) Fax(ctx context.Context, id office.ID) (local.Fax, error) {
	return read(e, func(m *local.Mirror) (local.Fax, error) { return m.Fax(ctx, id) })
}

// NewFaxes counts the faxes that came in and are new.
func (e *Engine) NewFaxes(ctx context.Context) (int, error) {
	return read(e, func(m *local.Mirror) (int, error) { return m.NewFaxes(ctx) })
}

// SendFax queues the document at path, PDF or TIFF, for number and returns its
// client reference. The document is copied. office.ErrFax where it is no such
// document or too large, ErrNumber where nobody can have the number.
func (e *Engine) SendFax(ctx context.Context, number office.Number, path string) (ref office.ID, err error) {
	if number, err = office.ParseNumber(string(number)); err != nil {
		return "", err
	}
	document, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("sending a fax: %w", err)
	}
	defer document.Close()
	err = e.keep(ctx, func(m *local.Mirror) error { ref, err = m.SendFax(ctx, number, document, e.now()); return err })
	return ref, err
}

// ResendFax queues another try of a fax that was sent or has failed, and returns
// its client reference. office.ErrNotFound where there is none, ErrRefused where
// it is not finished or came in.
func (e *Engine) ResendFax(ctx context.Context, id office.ID) (ref office.ID, err error) {
	err = e.edit(ctx, func(m *local.Mirror) error { ref, err = m.ResendFax(ctx, id, e.now()); return err })
	return ref, err
}

// CancelFax stops a fax. office.ErrNotFound where there is none, ErrRefused where
// it is too late.
func (e *Engine) CancelFax(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.CancelFax(ctx, id) })
}

// MarkFax makes a fax that came in new or read.
func (e *Engine) MarkFax(ctx context.Context, id office.ID, isNew bool) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.MarkFax(ctx, id, isNew) })
}

// DeleteFax hides a finished fax now and destroys it after local.Hold, until which
// UndoDelete brings it back. office.ErrNotFound where there is none, ErrRefused
// where it is not finished.
func (e *Engine) DeleteFax(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.DeleteFax(ctx, id, e.now().Add(local.Hold)) })
}

// DeleteFaxNow is DeleteFax without the time for an undo.
func (e *Engine) DeleteFaxNow(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.DeleteFax(ctx, id, time.Time{}) })
}

// Document returns the document of a fax, from the cache or fetched into it first.
// It is to be closed. office.ErrNotFound where there is no such fax, ErrOffline
// where it is not here and the server cannot be reached.
func (e *Engine) Document(ctx context.Context, id office.ID) (io.ReadSeekCloser, error) {
	l, err := e.current()
	if err != nil {
		return nil, err
	}
	f, err := l.mirror.Fax(ctx, id)
	if err != nil {
		return nil, err
	}
	if f.BlobID == "" { // it waits to be sent
		mirror, err := l.vault(ctx)
		if err != nil {
			return nil, err
		}
		return mirror.OpenFax(ctx, id)
	}
	return e.open(ctx, l, local.Missing{Blob: f.BlobID, Size: f.Size, Type: f.Type, Name: string(f.ID)})
}

// DownloadFax copies the document of a fax to the file dst, which is replaced as
// a whole. Errors as Document, and those of the file system.
func (e *Engine) DownloadFax(ctx context.Context, id office.ID, dst string) error {
	document, err := e.Document(ctx, id)
	if err != nil {
		return err
	}
	return save(document, dst)
}

// SetGreeting queues the sound at path, WAV or MP3, as the mailbox's greeting,
// temporary where until is set; an empty path brings the default one back.
// office.ErrGreeting where it is too large, ErrNotFound before the first sync.
func (e *Engine) SetGreeting(ctx context.Context, path string, until *time.Time) error {
	if path == "" {
		return e.SetVoicemailSettings(ctx, map[string]any{"greeting": office.Greeting{Kind: office.GreetingDefault}})
	}
	sound, err := os.Open(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("setting the greeting: %w", err)
	}
	defer sound.Close()
	return e.keep(ctx, func(m *local.Mirror) error { return m.SetGreeting(ctx, sound, until, e.now()) })
}

// Greeting returns the sound of the mailbox's greeting, also of one that waits to
// be sent. It is to be closed. office.ErrNotFound where it is the default one.
func (e *Engine) Greeting(ctx context.Context) (io.ReadSeekCloser, error) {
	l, err := e.current()
	if err != nil {
		return nil, err
	}
	mirror, err := l.vault(ctx)
	if err != nil {
		return nil, err
	}
	own, err := mirror.OpenGreeting(ctx)
	if !errors.Is(err, office.ErrNotFound) {
		return own, err
	}
	s, _, err := mirror.VoicemailSettings(ctx)
	if err != nil {
		return nil, err
	}
	if s.Greeting.BlobID == "" {
		return nil, office.ErrNotFound
	}
	return e.open(ctx, l, local.Missing{Blob: s.Greeting.BlobID, Type: "audio/mpeg", Name: "greeting"})
}

// keep is edit for what seals a file with the cache key.
func (e *Engine) keep(ctx context.Context, change func(*local.Mirror) error) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	if _, err := l.vault(ctx); err != nil {
		return err
	}
	return e.edit(ctx, change)
}
