package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"timbre/internal/office"
	"timbre/sync/local"
)

// Settings are read from the local copy as the user wants them; what is pending
// waits to be sent. office.ErrNotFound before the first sync. A change is checked
// here as far as that is possible; what the server says no to, and what somebody
// else has changed meanwhile, is in Refused.

// VoicemailSettings returns how the mailbox works.
func (e *Engine) VoicemailSettings(ctx context.Context) (office.VoicemailSettings, local.Pending, error) {
	return setting(e, func(m *local.Mirror) (office.VoicemailSettings, local.Pending, error) {
		return m.VoicemailSettings(ctx)
	})
}

// ForwardingSettings returns when calls go elsewhere.
func (e *Engine) ForwardingSettings(ctx context.Context) (office.ForwardingSettings, local.Pending, error) {
	return setting(e, func(m *local.Mirror) (office.ForwardingSettings, local.Pending, error) {
		return m.ForwardingSettings(ctx)
	})
}

// CallerIDSettings returns which number goes out.
func (e *Engine) CallerIDSettings(ctx context.Context) (office.CallerIDSettings, local.Pending, error) {
	return setting(e, func(m *local.Mirror) (office.CallerIDSettings, local.Pending, error) { return m.CallerIDSettings(ctx) })
}

// Profile returns who the user is.
func (e *Engine) Profile(ctx context.Context) (office.Profile, local.Pending, error) {
	return setting(e, func(m *local.Mirror) (office.Profile, local.Pending, error) { return m.Profile(ctx) })
}

// Availability returns until when the user does not want to be disturbed.
func (e *Engine) Availability(ctx context.Context) (office.Availability, local.Pending, error) {
	return setting(e, func(m *local.Mirror) (office.Availability, local.Pending, error) { return m.Availability(ctx) })
}

// SetVoicemailSettings queues new values of properties, by their JMAP names.
// office.ErrRingTime, ErrGreeting; ErrName where there is no such property or it
// has another type.
func (e *Engine) SetVoicemailSettings(ctx context.Context, patch map[string]any) error {
	now, _, err := e.VoicemailSettings(ctx)
	if err == nil {
		now, err = patched(now, patch)
	}
	if err == nil {
		err = now.Check()
	}
	return e.change(ctx, local.VoicemailSettingsType, patch, err)
}

// SetForwardingSettings is SetVoicemailSettings for the forwarding. Whether the
// number can be dialled is for the server to say; office.ErrForwarding,
// ErrNumber.
func (e *Engine) SetForwardingSettings(ctx context.Context, patch map[string]any) error {
	now, _, err := e.ForwardingSettings(ctx)
	if err == nil {
		now, err = patched(now, patch)
	}
	if err == nil {
		a, _ := e.Account()
		err = now.Check(a.Extension, "")
	}
	return e.change(ctx, local.ForwardingSettingsType, patch, err)
}

// SetCallerIDSettings is SetVoicemailSettings for the number that goes out.
func (e *Engine) SetCallerIDSettings(ctx context.Context, patch map[string]any) error {
	now, _, err := e.CallerIDSettings(ctx)
	if err == nil {
		_, err = patched(now, patch)
	}
	return e.change(ctx, local.CallerIDSettingsType, patch, err)
}

// SetProfile is SetVoicemailSettings for the e-mail address and the language.
// office.ErrEmail, ErrLanguage.
func (e *Engine) SetProfile(ctx context.Context, patch map[string]any) error {
	now, _, err := e.Profile(ctx)
	if err == nil {
		now, err = patched(now, patch)
	}
	if err == nil {
		err = errors.Join(office.CheckEmail(now.Email), office.CheckLanguage(now.Language))
	}
	return e.change(ctx, local.ProfileType, patch, err)
}

// SetAvailability is SetVoicemailSettings for when the user may be disturbed.
func (e *Engine) SetAvailability(ctx context.Context, patch map[string]any) error {
	now, _, err := e.Availability(ctx)
	if err == nil {
		_, err = patched(now, patch)
	}
	return e.change(ctx, local.AvailabilityType, patch, err)
}

// change queues a patch, unless it was found wrong.
func (e *Engine) change(ctx context.Context, t local.Type, patch map[string]any, wrong error) error {
	if wrong != nil {
		return fmt.Errorf("changing settings: %w", wrong)
	}
	return e.edit(ctx, func(m *local.Mirror) error { return m.Change(ctx, t, patch, e.now()) })
}

// setting reads settings from the local copy.
func setting[T any](e *Engine, fn func(*local.Mirror) (T, local.Pending, error)) (s T, p local.Pending, err error) {
	l, err := e.current()
	if err != nil {
		return s, nil, err
	}
	return fn(l.mirror)
}

// patched returns settings with a patch laid over them, whose nulls change nothing
// here: what the defaults are, the server knows. office.ErrName where the patch
// does not fit.
func patched[T any](was T, patch map[string]any) (T, error) {
	now := was
	before, err := objectOf(was)
	if err != nil {
		return now, err
	}
	for name, value := range patch {
		if value == nil {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return now, fmt.Errorf("%w: %w", office.ErrName, err)
		}
		before[name] = raw
	}
	whole, err := json.Marshal(before)
	if err != nil {
		return now, err
	}
	var fresh T // maps of was are not to be written to
	d := json.NewDecoder(bytes.NewReader(whole))
	d.DisallowUnknownFields()
	if err := d.Decode(&fresh); err != nil {
		return now, fmt.Errorf("%w: %w", office.ErrName, err)
	}
	return fresh, nil
}

// objectOf returns v by its properties.
func objectOf(v any) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	o := map[string]json.RawMessage{}
	return o, json.Unmarshal(raw, &o)
}
