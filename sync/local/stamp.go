package local

import (
	"context"
	"database/sql"
)

// Stamps counts the changes ever made to each part of the copy, by whichever
// process: where a number differs, that part is worth reading again. An edit in
// the outbox counts for its type.
type Stamps struct {
	Voicemails, Calls, Faxes, Directory, Settings, Contacts, Meta int64
}

// The stamps that are not named as a type is.
const (
	metaStamp    = "meta"
	settingStamp = "settings"
	contactStamp = "contact"
)

// stamp returns the stamp of t.
func (t Type) stamp() string {
	if t.IsSingleton() {
		return settingStamp
	}
	return string(t)
}

// Stamps returns the present counts.
func (m *Mirror) Stamps(ctx context.Context) (Stamps, error) {
	var s Stamps
	of := map[string]*int64{
		string(VoicemailType): &s.Voicemails, string(CallType): &s.Calls, string(FaxType): &s.Faxes, string(ExtensionType): &s.Directory,
		settingStamp: &s.Settings, contactStamp: &s.Contacts, metaStamp: &s.Meta,
	}
	err := m.rows(ctx, func(r *sql.Rows) error {
		var kind string
		var n int64
		if err := r.Scan(&kind, &n); err != nil {
			return err
		}
		if count := of[kind]; count != nil {
			*count = n
		}
		return nil
	}, `SELECT kind, n FROM stamp`)
	return s, err
}
