package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"timbre/internal/office"
)

// A Mail is an e-mail of the office that is still to be sent. Its row is its
// schedule.
type Mail struct {
	ID        office.ID
	Account   office.ID // of the extension it is for; empty: the administrator's
	To        string    // the address; empty in AddMail: that of the extension or of the company
	Notice    office.Notice
	Every     time.Duration // in AddMail: dropped where one like it was added less than so long ago; 0: never
	MessageID string        // the same at every attempt (RFC 5322 §3.6.4), without angle brackets
	Attempts  int           // with the one that has just been claimed
	NextAt    time.Time
	LastError string
	CreatedAt time.Time
}

// AddMail has m sent as soon as possible. The store gives ID, MessageID and
// times. Where nobody has an address to send it to, or one of the same kind about
// the same extension was added to the same account less than m.Every ago, also
// before a restart, it is dropped, which is no error.
func (s *Store) AddMail(ctx context.Context, m Mail) error {
	err := s.write(ctx, func(w *writing) error { return s.addMail(w, m) })
	if err != nil {
		return fmt.Errorf("adding mail: %w", err)
	}
	return nil
}

func (s *Store) addMail(w *writing, m Mail) error {
	if m.To == "" {
		query, args := "SELECT email FROM company", []any(nil)
		if m.Account != "" {
			query, args = "SELECT email FROM extension WHERE account = $1", []any{m.Account}
		}
		if err := w.QueryRow(query, args...).Scan(&m.To); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if m.To == "" {
		return nil
	}
	if m.Every > 0 {
		key := fmt.Sprintf("told.%s.%s", string(m.Notice.Kind), string(m.Notice.Extension))
		if _, first, err := s.remember(w, m.Account, key, "", s.now().Add(m.Every)); err != nil || !first {
			return err
		}
	}
	if m.Notice.At.IsZero() {
		m.Notice.At = s.now().UTC()
	}
	notice, err := json.Marshal(m.Notice)
	if err != nil {
		return err
	}
	w.mailed = true
	id, now := office.NewID(), millis(s.now())
	_, err = w.Exec(`INSERT INTO mail (id, account, recipient, kind, notice, message_id, next_at, lease_until, attempts, last_error, failed_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, '', 0, $7)`,
		id, m.Account, m.To, m.Notice.Kind, string(notice), string(id)+"@timbre", now)
	return err
}

// announceEmail tells the old address of e that the new one takes its place, which
// its user chose, or else the administrator. One that the user chose but a while
// ago is not told, nor anybody more than a few times a day: a stranger's address
// would hear of each change.
func (s *Store) announceEmail(w *writing, e office.Extension, address string, byUser bool) error {
	if e.Email == address {
		return nil
	}
	var recent int
	if err := w.QueryRow("SELECT count(*) FROM memo WHERE account = $1 AND name = $2 AND until > $3",
		e.Account, memoName(chosenAddress), millis(s.now())).Scan(&recent); err != nil {
		return err
	}
	if _, err := w.Exec("DELETE FROM memo WHERE account = $1 AND name = $2", e.Account, memoName(chosenAddress)); err != nil {
		return err
	}
	if byUser {
		if _, _, err := s.remember(w, e.Account, chosenAddress, "", s.now().Add(addressAge)); err != nil {
			return err
		}
	}
	if e.Email == "" || recent > 0 {
		return nil
	}
	if ok, err := s.mayAnnounce(w, e.Account); err != nil || !ok {
		return err
	}
	return s.addMail(w, Mail{Account: e.Account, To: e.Email, Notice: office.Notice{
		Kind: office.NoticeEmailChanged, Extension: e.Number, Name: e.Name, Address: address,
	}})
}

// What is remembered of an account's e-mail address: that its user chose it less
// than addressAge ago, and each announcement of a day.
const (
	chosenAddress    = "address.chosen"
	addressAge       = 24 * time.Hour
	announced        = "address.announced."
	maxAnnouncements = 3
)

// mayAnnounce reports whether account may announce another address today, and
// counts it.
func (s *Store) mayAnnounce(w *writing, account office.ID) (first bool, err error) {
	for i := 0; i < maxAnnouncements && !first && err == nil; i++ {
		_, first, err = s.remember(w, account, announced+strconv.Itoa(i), "", s.now().Add(24*time.Hour))
	}
	return first, err
}

// ClaimMail returns the mail that has been due longest, for the caller alone to
// send within lease; ok is false where none is due. Who does not answer with
// MailSent or MailFailed within lease has failed, and it is claimed again.
func (s *Store) ClaimMail(ctx context.Context, lease time.Duration) (m Mail, ok bool, err error) {
	err = s.write(ctx, func(w *writing) error {
		now := s.now()
		for due := true; due; { // where another claim took that one meanwhile (PostgreSQL), there may be others
			if m, ok, err = w.claimMail(now, lease); err != nil || ok {
				return err
			}
			if err := w.QueryRow("SELECT EXISTS (SELECT 1 FROM mail WHERE "+mailIsDue("$1")+")", millis(now)).Scan(&due); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Mail{}, false, fmt.Errorf("claiming mail: %w", err)
	}
	return m, ok, nil
}

// mailIsDue returns what is true of a mail that may be claimed at now.
func mailIsDue(now string) string {
	return "next_at <= " + now + " AND lease_until <= " + now + " AND NOT held"
}

// claimMail tries to take the mail that has been due longest.
func (w *writing) claimMail(now time.Time, lease time.Duration) (m Mail, ok bool, err error) {
	var next, created int64
	var notice string
	// The conditions stand twice: PostgreSQL asks the outer ones again where another claim came first.
	err = w.QueryRow("UPDATE mail SET lease_until = $1, attempts = attempts + 1 WHERE "+mailIsDue("$2")+
		" AND id = (SELECT id FROM mail WHERE "+mailIsDue("$2")+` ORDER BY next_at, id LIMIT 1)
		RETURNING id, account, recipient, notice, message_id, attempts, next_at, last_error, created_at`,
		millis(now.Add(lease)), millis(now)).
		Scan(&m.ID, &m.Account, &m.To, &notice, &m.MessageID, &m.Attempts, &next, &m.LastError, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return Mail{}, false, nil
	}
	if err != nil {
		return Mail{}, false, err
	}
	m.NextAt, m.CreatedAt = at(next), at(created)
	return m, true, json.Unmarshal([]byte(notice), &m.Notice)
}

// MailSent ends a mail that was taken over by a mail server. That it is gone
// already is no error.
func (s *Store) MailSent(ctx context.Context, id office.ID) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM mail WHERE id = $1", id)
		return err
	})
}

// MailFailed notes why a mail could not be sent and when to try again; the zero
// time gives it up. ErrNotFound: it is gone.
func (s *Store) MailFailed(ctx context.Context, id office.ID, why string, next time.Time) error {
	now := millis(s.now())
	return s.write(ctx, func(w *writing) error {
		if next.IsZero() { // also where it was held meanwhile: it is not to be released
			return affected(w.Exec("UPDATE mail SET last_error = $1, failed_at = $2, next_at = NULL, lease_until = 0, held = FALSE WHERE id = $3", why, now, id))
		}
		return affected(w.Exec("UPDATE mail SET last_error = $1, failed_at = $2, next_at = $3, lease_until = 0 WHERE id = $4", why, now, millis(next), id))
	})
}

// NextMail returns when the next mail is due, which may be past; ok is false
// where none waits.
func (s *Store) NextMail(ctx context.Context) (due time.Time, ok bool, err error) {
	var ms sql.NullInt64
	err = s.db.QueryRow(ctx, `SELECT min(CASE WHEN lease_until > next_at THEN lease_until ELSE next_at END)
		FROM mail WHERE next_at IS NOT NULL AND NOT held`).Scan(&ms)
	return at(ms.Int64), ms.Valid, err
}

// MailStatus says what waits to be sent. LastError is of the mail that failed
// last, of those that have not been sent since; empty where all is well.
type MailStatus struct {
	Waiting   int // with those that are being sent
	Held      int // until they are released
	GivenUp   int
	Oldest    time.Time // when the oldest that waits was written; zero: none does
	LastError string
	ErrorAt   time.Time // when LastError was; zero: there is none
}

// MailStatus returns what waits to be sent.
func (s *Store) MailStatus(ctx context.Context) (MailStatus, error) {
	var st MailStatus
	var oldest sql.NullInt64
	var failed int64
	err := s.db.QueryRow(ctx, `SELECT count(CASE WHEN next_at IS NOT NULL AND NOT held THEN 1 END), count(CASE WHEN held THEN 1 END),
			count(CASE WHEN next_at IS NULL AND NOT held THEN 1 END), min(CASE WHEN next_at IS NOT NULL AND NOT held THEN created_at END),
			coalesce((SELECT last_error FROM mail WHERE last_error <> '' ORDER BY failed_at DESC, id LIMIT 1), ''),
			coalesce((SELECT max(failed_at) FROM mail WHERE last_error <> ''), 0)
		FROM mail`).Scan(&st.Waiting, &st.Held, &st.GivenUp, &oldest, &st.LastError, &failed)
	st.Oldest, st.ErrorAt = at(oldest.Int64), at(failed)
	return st, err
}

// holdMail keeps what waits from being sent until ReleaseMail: a copy of an office
// that was put back may have sent it before.
const holdMail = "UPDATE mail SET held = TRUE WHERE next_at IS NOT NULL"

// ReleaseMail lets the mail go that a restore holds and returns how many there
// are.
func (s *Store) ReleaseMail(ctx context.Context) (int, error) {
	var n int64
	err := s.write(ctx, func(w *writing) error {
		w.mailed = true
		r, err := w.Exec("UPDATE mail SET held = FALSE, next_at = $1, lease_until = 0 WHERE held", millis(s.now()))
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return int(n), err
}

const (
	unsentAge  = 2 * 24 * time.Hour  // how long a mail waits for a mail server to be set up
	givenUpAge = 14 * 24 * time.Hour // how long one that was given up is shown in the status
)

// NoMailing is the LastError of mail that was given up for want of a mail server.
const NoMailing = "no mail server was set up"

// giveUpMail gives up what waited too long while the office has no mail server:
// nobody wants to read it any more, and it would pile up. What is held waits for
// its release.
func (s *Store) giveUpMail(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec(`UPDATE mail SET next_at = NULL, lease_until = 0, last_error = $1, failed_at = $2
			WHERE next_at IS NOT NULL AND NOT held AND created_at <= $3 AND NOT EXISTS (SELECT 1 FROM mailing)`,
			NoMailing, millis(s.now()), millis(s.now().Add(-unsentAge)))
		return err
	})
}

// dropMail removes what was given up long ago.
func (s *Store) dropMail(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM mail WHERE next_at IS NULL AND created_at < $1", millis(s.now().Add(-givenUpAge)))
		return err
	})
}
