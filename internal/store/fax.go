package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// AddFax adds f to what account sent and received: one that is to be sent is
// queued, one that came in is new. The store gives ID, state and times. BlobID is
// an upload of the account, or empty where f is ResendOf another fax, whose pages
// are taken then. Where the account has had a fax with this ClientRef already,
// that is returned, existing is true, and nothing changes; of one that was
// deleted since there is but its ID. ErrNotFound: no such account; ErrFax: it has
// no such pages, or no such fax to send again; ErrTooMany: it has had maxFaxes sent
// within a day, or as many octets as it may.
func (s *Store) AddFax(ctx context.Context, account office.ID, f office.Fax) (added office.Fax, existing bool, err error) {
	err = s.write(ctx, func(w *writing) error {
		if _, err := w.hold(account, TypeFax); err != nil {
			return err
		}
		added, existing, err = s.addFax(w, account, f)
		return err
	})
	return added, existing, err
}

// addFax is AddFax for an account that is held.
func (s *Store) addFax(w *writing, account office.ID, f office.Fax) (added office.Fax, existing bool, err error) {
	if f.ClientRef != "" {
		was, err := s.faxOf(w, account, f.ClientRef)
		if err != nil || was.ID != "" {
			return was, err == nil, err
		}
	}
	if err := w.pagesOf(account, &f); err != nil {
		return office.Fax{}, false, err
	}
	now := at(millis(s.now()))
	if f.Direction == office.FaxSent {
		if err := w.admitFax(account, &f, now); err != nil {
			return office.Fax{}, false, err
		}
	}
	seq, err := w.next(account, TypeFax)
	if err != nil {
		return office.Fax{}, false, err
	}
	f.ID, f.CreatedAt, f.FinishedAt, f.PagesDone, f.Attempts, f.Error = office.NewID(), now, nil, 0, nil, nil
	next := &now
	f.State, f.IsNew = office.FaxQueued, false
	if f.Direction == office.FaxReceived {
		f.State, f.IsNew, f.PagesDone, f.FinishedAt, next = office.FaxArrived, true, f.Pages, &now, nil
	}
	_, err = w.Exec(`INSERT INTO fax (id, account, client_ref, resend_of, direction, number, name, folded, is_new, state, blob, pages, pages_done,
			attempts, error, created_at, finished_at, next_at, lease_until, created_seq, modseq)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', $14, $15, $16, 0, $17, $17)`,
		f.ID, account, sql.NullString{String: f.ClientRef, Valid: f.ClientRef != ""}, f.ResendOf, f.Direction, f.Number, f.Name, f.Party().Folded(), f.IsNew,
		f.State, f.BlobID, f.Pages, f.PagesDone, millis(now), nullable(f.FinishedAt), nullable(next), seq)
	return f, false, err
}

// Limits of the faxes that one account has sent within faxSpan: whoever has its
// password must not fill the disk.
const (
	faxSpan     = 24 * time.Hour
	maxFaxes    = 500
	maxFaxBytes = 1 << 30
)

// admitFax returns ErrTooMany where f is one too many.
func (w *writing) admitFax(account office.ID, f *office.Fax, now time.Time) error {
	var count, bytes int64
	err := w.QueryRow(`SELECT count(*), coalesce(sum(b.size), 0) FROM fax f JOIN blob b ON b.id = f.blob
		WHERE f.account = $1 AND f.created_at > $2 AND f.direction = $3`, account, millis(now.Add(-faxSpan)), office.FaxSent).Scan(&count, &bytes)
	if err == nil && (count >= maxFaxes || bytes+f.Size > maxFaxBytes) {
		err = office.ErrTooMany
	}
	return err
}

// FaxOf returns the ID of the fax that account has had under a client's name for
// it, also where it was deleted since. ErrNotFound: it never had one.
func (s *Store) FaxOf(ctx context.Context, account office.ID, clientRef string) (id office.ID, err error) {
	err = s.db.QueryRow(ctx, "SELECT id FROM fax WHERE account = $1 AND client_ref = $2", account, clientRef).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	was, ok, err := s.Recall(ctx, account, refKey(clientRef))
	if err == nil && !ok {
		err = office.ErrNotFound
	}
	return office.ID(was), err
}

// faxOf returns the fax that account once had under a client's name for it, the
// ID alone where it was deleted, and the zero Fax where it never had one.
func (s *Store) faxOf(w *writing, account office.ID, clientRef string) (office.Fax, error) {
	rows, err := w.Query("SELECT "+faxColumns+faxTables+"WHERE f.account = $1 AND f.client_ref = $2", account, clientRef)
	all, err := collect(rows, err, func(r *sql.Rows) (office.Fax, error) {
		_, f, err := scanFax(r)
		return f, err
	})
	if err != nil {
		return office.Fax{}, err
	}
	if len(all) > 0 {
		return all[0], nil
	}
	var id office.ID
	err = w.QueryRow("SELECT value FROM memo WHERE account = $1 AND name = $2", account, memoName(refKey(clientRef))).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return office.Fax{ID: id}, err
}

// refKey is what a deleted fax is remembered under: a client that did not hear
// that it was sent would send it again.
func refKey(clientRef string) string { return "fax." + clientRef }

// refAge is for how long.
const refAge = 366 * 24 * time.Hour

// pagesOf completes f by the blob that holds its pages. ErrFax: there is none, or
// it has an owner that is no fax.
func (w *writing) pagesOf(account office.ID, f *office.Fax) error {
	if f.ResendOf != "" {
		var blob office.ID
		if !f.ResendOf.Valid() {
			return office.ErrFax
		}
		err := w.QueryRow("SELECT blob FROM fax WHERE account = $1 AND id = $2", account, f.ResendOf).Scan(&blob)
		if err != nil {
			return orFax(found(err))
		}
		if f.BlobID == "" {
			f.BlobID = blob
		}
	}
	if !f.BlobID.Valid() {
		return office.ErrFax
	}
	err := w.QueryRow(`SELECT b.size, b.type FROM blob b WHERE b.account = $1 AND b.id = $2
		AND NOT EXISTS (SELECT 1 FROM voicemail v WHERE v.blob = b.id) AND NOT EXISTS (SELECT 1 FROM greeting g WHERE g.blob = b.id)`,
		account, f.BlobID).Scan(&f.Size, &f.Type)
	return orFax(found(err))
}

// orFax turns the absence of pages into office.ErrFax.
func orFax(err error) error {
	if errors.Is(err, office.ErrNotFound) {
		return office.ErrFax
	}
	return err
}

const faxColumns = `f.account, f.id, f.client_ref, f.resend_of, f.direction, f.number, f.name, f.is_new, f.state, b.id, b.size, b.type,
	f.pages, f.pages_done, f.attempts, f.error, f.created_at, f.finished_at`

const faxTables = " FROM fax f JOIN blob b ON b.id = f.blob "

func scanFax(r *sql.Rows) (owner office.ID, f office.Fax, err error) {
	var ref sql.NullString
	var attempts, why string
	var created int64
	var finished sql.NullInt64
	err = r.Scan(&owner, &f.ID, &ref, &f.ResendOf, &f.Direction, &f.Number, &f.Name, &f.IsNew, &f.State, &f.BlobID, &f.Size, &f.Type,
		&f.Pages, &f.PagesDone, &attempts, &why, &created, &finished)
	f.ClientRef, f.CreatedAt, f.FinishedAt = ref.String, at(created), maybe(finished)
	return owner, f, errors.Join(err, outside(attempts, &f.Attempts), outside(why, &f.Error))
}

// Faxes returns those of the faxes ids that account has, in no order.
func (s *Store) Faxes(ctx context.Context, account office.ID, ids ...office.ID) ([]office.Fax, error) {
	if ids = valid(ids); len(ids) == 0 {
		return nil, nil
	}
	// Without the account in the statement: SQLite would search all that the account has.
	rows, err := s.db.Query(ctx, "SELECT "+faxColumns+faxTables+"WHERE f.id IN ("+sqldb.Placeholders(1, len(ids))+")", sqldb.Args(ids)...)
	return collectOf(account, rows, err, scanFax)
}

// A FaxFilter chooses faxes; zero fields choose all.
type FaxFilter struct {
	State  office.FaxState
	IsNew  *bool
	After  time.Time // made at this time or later
	Before time.Time // made before this time
	Text   string    // each of its words is in the other side's name or number; case and accents do not matter
}

func (f FaxFilter) list(account office.ID) *list {
	l := newList(TypeFax, "created_at", account)
	if f.State != "" {
		l.and("state = ?", f.State)
	}
	if f.IsNew != nil {
		l.and("is_new = ?", *f.IsNew)
	}
	l.between(f.After, f.Before)
	l.containing(f.Text)
	return l
}

// QueryFaxes returns the ids of the faxes that f chooses, newest first.
// ErrNotFound: the anchor is not a fax of the account.
func (s *Store) QueryFaxes(ctx context.Context, account office.ID, f FaxFilter, p Page) ([]office.ID, error) {
	return s.ids(ctx, f.list(account), p)
}

// PlaceOfFax returns how many of the faxes that f chooses QueryFaxes returns
// before fax id. ErrNotFound: it is none of them.
func (s *Store) PlaceOfFax(ctx context.Context, account office.ID, f FaxFilter, id office.ID) (int, error) {
	return s.place(ctx, f.list(account), id)
}

// CountFaxes returns how many faxes f chooses.
func (s *Store) CountFaxes(ctx context.Context, account office.ID, f FaxFilter) (int, error) {
	return s.count(ctx, f.list(account))
}

// holdFaxes keeps what waits from being sent until ReleaseFaxes, as holdMail does.
const holdFaxes = "UPDATE fax SET held = TRUE WHERE next_at IS NOT NULL"

// ReleaseFaxes lets the faxes go that a restore holds and returns how many there
// were; those that were canceled meanwhile are not among them.
func (s *Store) ReleaseFaxes(ctx context.Context) (int, error) {
	var n int64
	err := s.write(ctx, func(w *writing) error {
		r, err := w.Exec("UPDATE fax SET held = FALSE, next_at = $1, lease_until = 0 WHERE held AND next_at IS NOT NULL", millis(s.now()))
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return int(n), err
}
