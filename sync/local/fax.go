package local

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Fax is one as the user should see it now: the server's row with the user's
// own pending edits laid over it. One that the server does not have yet is
// queued, has its client reference as its ID, and no BlobID.
type Fax struct {
	office.Fax
	IsPending bool `json:"isPending"` // it, or an edit of it, waits in the outbox
	HasPages  bool `json:"hasPages"`  // its document is here
}

// Cursor returns the place just after f.
func (f Fax) Cursor() Cursor { return Cursor{f.CreatedAt, f.ID} }

// faxNotDestroyed holds for a row f of fax that the user has not deleted.
const faxNotDestroyed = `NOT EXISTS (SELECT 1 FROM outbox d WHERE d.object = f.id AND d.type = 'Fax' AND d.action = 'destroy' AND d.reason IS NULL)`

// lastFaxMark is what a waiting edit makes of a row f of fax.
const lastFaxMark = `(SELECT m.value FROM outbox m WHERE m.object = f.id AND m.type = 'Fax' AND m.action = 'mark' AND m.reason IS NULL ORDER BY m.seq DESC LIMIT 1)`

// selectFax reads rows f of fax with what scanFax wants.
const selectFax = `SELECT f.body, f.is_new, ` + lastFaxMark + `,
	EXISTS (SELECT 1 FROM outbox o WHERE o.object = f.id AND o.type = 'Fax' AND o.action = 'cancel' AND o.reason IS NULL),
	EXISTS (SELECT 1 FROM blob b WHERE b.id = f.blob_id AND b.complete), ` + partyName + `
	FROM fax f JOIN party p ON p.id = f.party WHERE ` + faxNotDestroyed

func scanFax(r scanned) (Fax, error) {
	var f Fax
	var body, name string
	var isNew, canceled bool
	var mark sql.NullString
	if err := r.Scan(&body, &isNew, &mark, &canceled, &f.HasPages, &name); err != nil {
		return f, err
	}
	if err := json.Unmarshal([]byte(body), &f.Fax); err != nil {
		return f, err
	}
	f.IsNew, f.Name, f.IsPending = isNew, name, mark.Valid || canceled
	f.Number = cleanNumber(f.Number)
	for i := range f.Attempts {
		f.Attempts[i].Text = clean(f.Attempts[i].Text)
	}
	if f.Error != nil {
		f.Error.Text = clean(f.Error.Text)
	}
	if canceled && f.State.IsCancelable() {
		f.State = office.FaxCanceled
	}
	if mark.Valid {
		if err := json.Unmarshal([]byte(mark.String), &f.Fax); err != nil {
			return f, err
		}
	}
	return f, nil
}

// selectUnsent reads the faxes of the outbox that the mirror does not have, with
// what scanUnsent wants.
const selectUnsent = `SELECT o.value, o.made_at, o.file, o.reason, o.refused_at,
	EXISTS (SELECT 1 FROM outbox k WHERE k.object = o.object AND k.type = 'Fax' AND k.action = 'cancel' AND k.reason IS NULL), ` + partyName + `
	FROM outbox o JOIN (SELECT seq, json_extract(value, '$.number') AS number, '' AS name FROM outbox WHERE type = 'Fax' AND action = 'create') p ON p.seq = o.seq
	WHERE NOT EXISTS (SELECT 1 FROM fax f WHERE f.client_ref = o.object)`

func (m *Mirror) scanUnsent(r scanned) (Fax, error) {
	f := Fax{IsPending: true, Fax: office.Fax{Direction: office.FaxSent, State: office.FaxQueued}}
	var value, file string
	var at int64
	var reason sql.NullString
	var refused sql.NullInt64
	var canceled bool
	if err := r.Scan(&value, &at, &file, &reason, &refused, &canceled, &f.Name); err != nil {
		return f, err
	}
	if err := json.Unmarshal([]byte(value), &f.Fax); err != nil {
		return f, err
	}
	f.ID, f.CreatedAt = office.ID(f.ClientRef), instant(at)
	if file != "" {
		f.HasPages, f.Type = true, typeOfFile(file)
		f.Size = sealedSize(filepath.Join(m.dir, outboxFolder, file))
	}
	switch {
	case reason.Valid:
		f.IsPending, f.State, f.FinishedAt, f.Error = false, office.FaxFailed, maybe(refused), &office.FaxError{Code: reason.String}
	case canceled:
		f.State = office.FaxCanceled
	}
	return f, nil
}

// unsent returns the faxes that the server does not have; those that it refused
// have failed.
func (m *Mirror) unsent(ctx context.Context) (list []Fax, err error) {
	err = m.rows(ctx, func(r *sql.Rows) error {
		f, err := m.scanUnsent(r)
		list = append(list, f)
		return err
	}, selectUnsent)
	return list, err
}

// Faxes returns a page of faxes, newest first.
func (m *Mirror) Faxes(ctx context.Context, f Filter) ([]Fax, error) {
	w, err := m.want(ctx, f.Text)
	if err != nil {
		return nil, err
	}
	return m.faxes(ctx, f, w)
}

func (m *Mirror) faxes(ctx context.Context, f Filter, w *wanted) (list []Fax, err error) {
	unsent, err := m.unsent(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range unsent {
		if f.holds(x.CreatedAt, x.ID) && w.is(x.Party()) {
			list = append(list, x)
		}
	}
	q := query{text: selectFax}
	f.within(&q, "f.created_at", "f.id")
	if w != nil {
		q.text += ` AND ` + w.party(&q)
	}
	f.newest(&q, "f.created_at", "f.id")
	err = m.rows(ctx, func(r *sql.Rows) error {
		x, err := scanFax(r)
		list = append(list, x)
		return err
	}, q.text, q.args...)
	slices.SortFunc(list, func(a, b Fax) int {
		if before(a.Cursor(), b.Cursor()) {
			return 1
		}
		return -1
	})
	return list[:min(len(list), f.limit())], err
}

// Fax returns one fax, by its ID or client reference, or office.ErrNotFound.
func (m *Mirror) Fax(ctx context.Context, id office.ID) (Fax, error) {
	f, err := m.faxOf(id, func(query string, args ...any) scanned { return m.data().QueryRow(ctx, query, args...) })
	return f, m.check(err)
}

// faxIn is Fax for who changes the fax in tx: before, it may have been known by its
// client reference alone, and now by the server's ID.
func (m *Mirror) faxIn(tx *sqldb.Tx, id office.ID) (Fax, error) {
	return m.faxOf(id, func(query string, args ...any) scanned { return tx.QueryRow(query, args...) })
}

// A scanned is what a query for one row returns.
type scanned interface{ Scan(...any) error }

// faxOf is Fax by what asks the database. The outbox comes first, because a fax only
// moves out of that.
func (m *Mirror) faxOf(id office.ID, ask func(query string, args ...any) scanned) (Fax, error) {
	f, err := m.scanUnsent(ask(selectUnsent+` AND o.object = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		f, err = scanFax(ask(selectFax+` AND (f.id = $1 OR f.client_ref = $1)`, id))
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = office.ErrNotFound
	}
	return f, err
}

// isUnsent reports whether the mirror knows nothing of f from the server.
func (f Fax) isUnsent() bool { return f.ID == office.ID(f.ClientRef) }

// NewFaxes counts the faxes that are new to the user.
func (m *Mirror) NewFaxes(ctx context.Context) (int, error) {
	var n int
	err := m.data().QueryRow(ctx, `SELECT count(*) FROM fax f WHERE `+faxNotDestroyed+`
		AND coalesce(json_extract(`+lastFaxMark+`, '$.isNew'), f.is_new)`).Scan(&n)
	return n, m.check(err)
}

// SendFax queues a document for number and returns its client reference. The
// document is copied. office.ErrFax where it is no PDF or TIFF or too large,
// ErrLocked where there is no cache key.
func (m *Mirror) SendFax(ctx context.Context, number office.Number, document io.Reader, now time.Time) (ref office.ID, err error) {
	head := make([]byte, 8)
	n, err := io.ReadFull(document, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the document: %w", err)
	}
	mediaType := office.FaxType(head[:n])
	if mediaType == "" {
		return "", office.ErrFax
	}
	file, err := m.keepFile(io.MultiReader(bytes.NewReader(head[:n]), document), office.MaxFaxBytes, suffixOf(mediaType))
	if errors.Is(err, office.ErrLimit) {
		return "", office.ErrFax
	}
	if err != nil {
		return "", err
	}
	err = m.write(ctx, func(tx *sqldb.Tx) (err error) {
		ref, err = create(tx, map[string]any{"number": number}, file, now)
		return err
	}, FaxType.stamp())
	if err != nil {
		return "", errors.Join(err, m.removeFiles([]string{file}))
	}
	return ref, nil
}

// ResendFax queues another try of a fax that was sent or has failed, and returns its
// client reference; that of the same fax where the server refused it, which is then
// sent as Retry does. office.ErrNotFound where there is none, office.ErrRefused where
// it is not finished, as far as anybody here knows, or came in.
func (m *Mirror) ResendFax(ctx context.Context, id office.ID, now time.Time) (ref office.ID, err error) {
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		f, err := m.faxIn(tx, id)
		if err != nil {
			return err
		}
		if f.isUnsent() {
			ref = f.ID
			return resendRefused(tx, ref, now)
		}
		if f.Direction != office.FaxSent || !f.State.IsFinished() || f.BlobID == "" {
			return office.ErrRefused
		}
		ref, err = create(tx, map[string]any{"number": f.Number, "resendOf": f.ID, "blobId": f.BlobID}, "", now)
		return err
	}, FaxType.stamp())
	if err != nil {
		return "", err
	}
	return ref, nil
}

// resendRefused queues the fax ref anew. office.ErrRefused where it waits still.
func resendRefused(tx *sqldb.Tx, ref office.ID, now time.Time) error {
	var seq int64
	err := tx.QueryRow(`SELECT seq FROM outbox WHERE type = $1 AND object = $2 AND action = $3 AND reason IS NOT NULL`, FaxType, ref, CreateFax).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return office.ErrRefused
	}
	if err != nil {
		return err
	}
	return requeue(tx, seq, now)
}

// create queues a fax that owns file and returns its client reference.
func create(tx *sqldb.Tx, fax map[string]any, file string, now time.Time) (office.ID, error) {
	ref := newRef(now)
	fax["clientRef"] = ref
	value, err := json.Marshal(fax)
	if err != nil {
		return "", err
	}
	return ref, enqueue(tx, queued{Edit: Edit{Type: FaxType, Object: ref, Action: CreateFax, Patch: value}, file: file}, time.Time{}, now)
}

// CancelFax stops a fax. One that was never sent to the server is forgotten.
// office.ErrNotFound where there is none, office.ErrRefused where it is too late.
func (m *Mirror) CancelFax(ctx context.Context, id office.ID) error {
	return m.endFax(ctx, id, func(tx *sqldb.Tx, f Fax) error {
		if !f.State.IsCancelable() {
			return office.ErrRefused
		}
		patch, err := json.Marshal(map[string]office.FaxState{"state": office.FaxCanceled})
		if err != nil {
			return err
		}
		return enqueue(tx, queued{Edit: Edit{Type: FaxType, Object: f.ID, Action: Cancel, Patch: patch}}, time.Time{}, time.Now())
	})
}

// DeleteFax hides a finished fax and queues its destruction, not to be sent
// before due; see UndoDelete. One that was never sent to the server is forgotten.
// office.ErrNotFound where there is none, office.ErrRefused where it is not
// finished.
func (m *Mirror) DeleteFax(ctx context.Context, id office.ID, due time.Time) error {
	return m.endFax(ctx, id, func(tx *sqldb.Tx, f Fax) error {
		if f.IsPending && f.isUnsent() || !f.State.IsFinished() {
			return office.ErrRefused
		}
		return destroy(tx, FaxType, f.ID, due)
	})
}

// endFax runs fn on a fax, unless it is one that the server has never seen, which
// is forgotten.
func (m *Mirror) endFax(ctx context.Context, id office.ID, fn func(*sqldb.Tx, Fax) error) error {
	var files []string
	err := m.write(ctx, func(tx *sqldb.Tx) error {
		f, err := m.faxIn(tx, id)
		if err != nil {
			return err
		}
		files, err = drop(tx, `type = $1 AND object = $2 AND action = $3 AND (attempts = 0 OR reason IS NOT NULL)`, FaxType, f.ID, CreateFax)
		if err != nil || len(files) > 0 {
			return err
		}
		return fn(tx, f)
	}, FaxType.stamp())
	if err != nil {
		return err
	}
	return m.removeFiles(files)
}

// OpenFax returns the document of a fax: one that waits to be sent is always
// here, another where it is cached. office.ErrNotFound where it is not.
func (m *Mirror) OpenFax(ctx context.Context, id office.ID) (io.ReadSeekCloser, error) {
	f, err := m.Fax(ctx, id)
	if err != nil {
		return nil, err
	}
	if f.BlobID != "" {
		return m.Blob(ctx, f.BlobID)
	}
	var file string
	err = m.data().QueryRow(ctx, `SELECT file FROM outbox WHERE type = $1 AND object = $2 AND action = $3`, FaxType, f.ID, CreateFax).Scan(&file)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, office.ErrNotFound
	}
	if err != nil {
		return nil, m.check(err)
	}
	return m.openFile(file)
}

func (w *writing) fax(body json.RawMessage) error {
	var f office.Fax
	if err := json.Unmarshal(body, &f); err != nil {
		return err
	}
	party, err := w.party(f.Party())
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(`INSERT INTO fax (id, created_at, party, client_ref, is_new, blob_id, round, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, party = excluded.party, client_ref = excluded.client_ref,
			is_new = excluded.is_new, blob_id = excluded.blob_id, round = excluded.round, body = excluded.body`,
		f.ID, millis(f.CreatedAt), party, f.ClientRef, f.IsNew, f.BlobID, w.round, string(body))
	return err
}
