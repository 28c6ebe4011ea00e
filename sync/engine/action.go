package engine

import (
	"context"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// The lists and actions below work on the local copy alone. Where nobody is
// logged in they return office.ErrSession.

// Voicemails returns a page of messages, newest first.
func (e *Engine) Voicemails(ctx context.Context, f local.Filter) ([]local.Voicemail, error) {
	l, err := e.current()
	if err != nil {
		return nil, err
	}
	return l.mirror.Voicemails(ctx, f)
}

// Voicemail returns one message, or office.ErrNotFound.
func (e *Engine) Voicemail(ctx context.Context, id office.ID) (local.Voicemail, error) {
	l, err := e.current()
	if err != nil {
		return local.Voicemail{}, err
	}
	return l.mirror.Voicemail(ctx, id)
}

// NewVoicemails counts the messages that are new.
func (e *Engine) NewVoicemails(ctx context.Context) (int, error) {
	l, err := e.current()
	if err != nil {
		return 0, err
	}
	return l.mirror.NewVoicemails(ctx)
}

// Calls returns a page of the call log, newest first.
func (e *Engine) Calls(ctx context.Context, f local.Filter) ([]local.Call, error) {
	l, err := e.current()
	if err != nil {
		return nil, err
	}
	return l.mirror.Calls(ctx, f)
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

// UndoDelete brings a deleted message back; office.ErrNotFound where it is too
// late.
func (e *Engine) UndoDelete(ctx context.Context, id office.ID) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.UndoDelete(ctx, id) })
}

// Refused returns the changes that the server refused, oldest first.
func (e *Engine) Refused(ctx context.Context) ([]local.Refused, error) {
	l, err := e.current()
	if err != nil {
		return nil, err
	}
	return l.mirror.Refused(ctx)
}

// Dismiss forgets a refused change that the user has seen.
func (e *Engine) Dismiss(ctx context.Context, seq int64) error {
	return e.edit(ctx, func(m *local.Mirror) error { return m.Dismiss(ctx, seq) })
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
