package engine

import (
	"context"
	"io"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// The lists and actions below work on the local copy alone. Where nobody is
// logged in they return office.ErrSession.

// Voicemails returns a page of messages, newest first.
func (e *Engine) Voicemails(ctx context.Context, f local.Filter) ([]local.Voicemail, error) {
	return read(e, func(m *local.Mirror) ([]local.Voicemail, error) { return m.Voicemails(ctx, f) })
}

// Voicemail returns one message, or office.ErrNotFound.
func (e *Engine) Voicemail(ctx context.Context, id office.ID) (local.Voicemail, error) {
	return read(e, func(m *local.Mirror) (local.Voicemail, error) { return m.Voicemail(ctx, id) })
}

// NewVoicemails counts the messages that are new.
func (e *Engine) NewVoicemails(ctx context.Context) (int, error) {
	return read(e, func(m *local.Mirror) (int, error) { return m.NewVoicemails(ctx) })
}

// Calls returns a page of the call log, newest first.
func (e *Engine) Calls(ctx context.Context, f local.Filter) ([]local.Call, error) {
	return read(e, func(m *local.Mirror) ([]local.Call, error) { return m.Calls(ctx, f) })
}

// MarkVoicemail makes a message new or heard, here now and on the server when it
// can be reached. office.ErrNotFound where there is no such message.
func (e *Engine) MarkVoicemail(ctx context.Context, id office.ID, isNew bool) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.MarkVoicemail(ctx, id, isNew) })
}

// DeleteVoicemail hides a message now and destroys it after local.Hold, until
// which UndoDelete brings it back. office.ErrNotFound as in MarkVoicemail.
func (e *Engine) DeleteVoicemail(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.DeleteVoicemail(ctx, id, e.now().Add(local.Hold)) })
}

// DeleteVoicemailNow is DeleteVoicemail without the time for an undo.
func (e *Engine) DeleteVoicemailNow(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.DeleteVoicemail(ctx, id, time.Time{}) })
}

// UndoDelete brings a deleted message or fax back; office.ErrNotFound where it is too
// late.
func (e *Engine) UndoDelete(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.UndoDelete(ctx, id) })
}

// Refused returns the changes that the server refused, oldest first.
func (e *Engine) Refused(ctx context.Context) ([]local.Refused, error) {
	return read(e, func(m *local.Mirror) ([]local.Refused, error) { return m.Refused(ctx) })
}

// Retry sends a refused change once more. Of settings that somebody else changed
// meanwhile the user's values then win.
func (e *Engine) Retry(ctx context.Context, seq int64) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.Retry(ctx, seq, e.now()) })
}

// Dismiss forgets a refused change that the user has seen.
func (e *Engine) Dismiss(ctx context.Context, seq int64) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.Dismiss(ctx, seq) })
}

// AddQuality says of a call how good this device's leg of it was.
func (e *Engine) AddQuality(ctx context.Context, call office.ID, q office.Quality) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	device := l.deviceID()
	if device == "" { // an old server does not say which one this is
		return nil
	}
	return e.edit(ctx, func(m *local.Mirror) error { return m.AddQuality(ctx, call, device, q) })
}

// ExportCalls writes the calls that f means, newest first, as CSV; see
// local.Mirror. The quality that it tells is this device's unless style says
// otherwise.
func (e *Engine) ExportCalls(ctx context.Context, w io.Writer, f local.Filter, style local.CSVStyle) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	if style.Device == "" {
		style.Device = l.deviceID()
	}
	return l.mirror.ExportCalls(ctx, w, f, style)
}

// read runs a function on the local copy.
func read[T any](e *Engine, fn func(*local.Mirror) (T, error)) (T, error) {
	l, err := e.current()
	if err != nil {
		var nothing T
		return nothing, err
	}
	return fn(l.mirror)
}

// edit makes a change to the local copy, tells the subscribers and lets Run send it.
func (e *Engine) edit(ctx context.Context, change func(*local.Mirror) error) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	if err := change(l.mirror); err != nil {
		return err
	}
	e.tell(ctx, l)
	wake(e.tasks.sync)
	return nil
}
