package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"timbre/internal/office"
)

// Pending names the properties with changes that wait to be sent, sorted.
type Pending []string

// VoicemailSettings returns how the mailbox works, as the user wants it.
// office.ErrNotFound before the first sync, here and below.
func (m *Mirror) VoicemailSettings(ctx context.Context) (s office.VoicemailSettings, p Pending, err error) {
	p, err = m.setting(ctx, VoicemailSettingsType, &s)
	return s, p, err
}

// ForwardingSettings returns when calls go elsewhere, as the user wants it.
func (m *Mirror) ForwardingSettings(ctx context.Context) (s office.ForwardingSettings, p Pending, err error) {
	p, err = m.setting(ctx, ForwardingSettingsType, &s)
	return s, p, err
}

// CallerIDSettings returns which number goes out, as the user wants it.
func (m *Mirror) CallerIDSettings(ctx context.Context) (s office.CallerIDSettings, p Pending, err error) {
	p, err = m.setting(ctx, CallerIDSettingsType, &s)
	return s, p, err
}

// Profile returns who the user is, as the user wants it.
func (m *Mirror) Profile(ctx context.Context) (s office.Profile, p Pending, err error) {
	p, err = m.setting(ctx, ProfileType, &s)
	return s, p, err
}

// Availability returns until when the user does not want to be disturbed.
func (m *Mirror) Availability(ctx context.Context) (s office.Availability, p Pending, err error) {
	p, err = m.setting(ctx, AvailabilityType, &s)
	return s, p, err
}

// setting reads the object of t, with the edits that wait laid over it, into s.
func (m *Mirror) setting(ctx context.Context, t Type, s any) (Pending, error) {
	var body string
	err := m.data().QueryRow(ctx, `SELECT body FROM setting WHERE type = $1`, t).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, office.ErrNotFound
	}
	if err != nil {
		return nil, m.check(err)
	}
	object, err := properties([]byte(body))
	if err != nil {
		return nil, err
	}
	edited := map[string]bool{}
	err = m.rows(ctx, func(r *sql.Rows) error {
		var value string
		if err := r.Scan(&value); err != nil {
			return err
		}
		patch, err := properties([]byte(value))
		for name, v := range patch {
			object[name], edited[name] = v, true
		}
		return err
	}, `SELECT value FROM outbox WHERE type = $1 AND object = $2 AND reason IS NULL ORDER BY seq`, t, office.Singleton)
	if err != nil {
		return nil, err
	}
	whole, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(whole, s)
	}
	return slices.Sorted(maps.Keys(edited)), err
}
