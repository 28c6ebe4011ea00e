package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// MarkVoicemail queues a new value of isNew. It replaces an earlier one that
// waits or was refused. office.ErrNotFound where the user sees no such message.
func (m *Mirror) MarkVoicemail(ctx context.Context, id office.ID, isNew bool) error {
	return m.mark(ctx, VoicemailType, id, isNew)
}

// MarkFax is MarkVoicemail for a fax that came in; id may be a client reference.
func (m *Mirror) MarkFax(ctx context.Context, id office.ID, isNew bool) error {
	return m.mark(ctx, FaxType, id, isNew)
}

func (m *Mirror) mark(ctx context.Context, t Type, id office.ID, isNew bool) error {
	patch, err := json.Marshal(map[string]bool{"isNew": isNew})
	if err != nil {
		return err
	}
	return m.write(ctx, func(tx *sqldb.Tx) error {
		id, err := serversID(tx, t, id)
		if err == nil {
			err = visible(tx, t, id)
		}
		if err != nil {
			return err
		}
		if _, err := drop(tx, `type = $1 AND object = $2 AND action = $3`, t, id, Mark); err != nil {
			return err
		}
		return enqueue(tx, queued{Edit: Edit{Type: t, Object: id, Action: Mark, Patch: patch}}, time.Time{}, time.Now())
	}, t.stamp())
}

// DeleteVoicemail hides a message and queues its destruction, not to be sent
// before due. office.ErrNotFound where the user sees no such message.
func (m *Mirror) DeleteVoicemail(ctx context.Context, id office.ID, due time.Time) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		if err := visible(tx, VoicemailType, id); err != nil {
			return err
		}
		return destroy(tx, VoicemailType, id, due)
	}, VoicemailType.stamp())
}

func destroy(tx *sqldb.Tx, t Type, id office.ID, due time.Time) error {
	return enqueue(tx, queued{Edit: Edit{Type: t, Object: id, Action: Destroy, Patch: json.RawMessage("{}")}}, due, time.Now())
}

// UndoDelete takes the destruction of a message or a fax, which id or its client
// reference means, back out of the outbox.
// office.ErrNotFound where there is none or it has been sent.
func (m *Mirror) UndoDelete(ctx context.Context, id office.ID) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		id, err := serversID(tx, FaxType, id)
		if err != nil {
			return err
		}
		files, err := drop(tx, `object = $1 AND action = $2 AND reason IS NULL AND attempts = 0`, id, Destroy)
		if err == nil && len(files) == 0 {
			err = office.ErrNotFound
		}
		return err
	}, VoicemailType.stamp(), FaxType.stamp())
}

// serversID returns the server's ID of the object of t that id means: a fax may be
// meant by its client reference.
func serversID(tx *sqldb.Tx, t Type, id office.ID) (office.ID, error) {
	if t != FaxType {
		return id, nil
	}
	known := id
	err := tx.QueryRow(`SELECT id FROM fax WHERE client_ref = $1`, id).Scan(&known)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return known, err
}

// visible returns office.ErrNotFound unless the user sees the object of t.
func visible(tx *sqldb.Tx, t Type, id office.ID) error {
	var there, destroyed bool
	err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM `+t.table()+` WHERE id = $1),
		EXISTS (SELECT 1 FROM outbox WHERE object = $1 AND type = $2 AND action = 'destroy' AND reason IS NULL)`, id, t).Scan(&there, &destroyed)
	if err == nil && (!there || destroyed) {
		return office.ErrNotFound
	}
	return err
}

// AddQuality queues what this device says of its own leg of a call, which need
// not be in the mirror yet.
func (m *Mirror) AddQuality(ctx context.Context, call, device office.ID, q office.Quality) error {
	patch, err := json.Marshal(map[string]office.Quality{"quality/" + string(device): q})
	if err != nil {
		return err
	}
	return m.write(ctx, func(tx *sqldb.Tx) error {
		if _, err := drop(tx, `type = $1 AND object = $2 AND action = $3 AND reason IS NULL`, CallType, call, AddQuality); err != nil {
			return err
		}
		return enqueue(tx, queued{Edit: Edit{Type: CallType, Object: call, Action: AddQuality, Patch: patch}}, time.Time{}, time.Now())
	})
}
