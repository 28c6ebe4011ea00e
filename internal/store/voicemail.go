package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A NewVoicemail is a finished recording with its sound as it will be heard.
type NewVoicemail struct {
	Recording  Recording
	ReceivedAt time.Time // zero: now
	Duration   time.Duration
	Truncated  bool
	Audio      []byte // MP3
	Calls      []Side // calls to end in the same commit
}

// AddVoicemail commits message, sound, calls and the e-mail that tells of the
// message together: the file is on disk before the rows are, and goes if they
// fail. ErrNotFound: the account is gone.
func (s *Store) AddVoicemail(ctx context.Context, n NewVoicemail) (office.Voicemail, error) {
	if n.ReceivedAt.IsZero() {
		n.ReceivedAt = s.now()
	}
	v := office.Voicemail{
		ID: n.Recording.ID, From: n.Recording.From, ReceivedAt: at(millis(n.ReceivedAt)), Duration: office.Duration(n.Duration.Truncate(time.Millisecond)),
		IsNew: true, IsTruncated: n.Truncated, BlobID: office.NewID(), Size: int64(len(n.Audio)), Type: office.VoicemailType,
	}
	if err := s.writeBlob(v.BlobID, n.Audio); err != nil {
		return office.Voicemail{}, fmt.Errorf("writing voicemail: %w", err)
	}
	err := s.write(ctx, func(w *writing) error {
		account := n.Recording.Account
		if err := w.holdSides(account, n.Calls); err != nil {
			return err
		}
		seq, err := w.next(account, TypeVoicemail)
		if err != nil {
			return err
		}
		if err := w.addBlob(Blob{ID: v.BlobID, Size: v.Size, Type: v.Type, CreatedAt: s.now()}, account); err != nil {
			return err
		}
		if _, err := w.Exec(`INSERT INTO voicemail (id, account, blob, number, name, folded, received_at, duration,
				is_new, is_truncated, created_seq, modseq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, TRUE, $9, $10, $10)`,
			v.ID, account, v.BlobID, v.From.Number, v.From.Name, v.From.Folded(), millis(v.ReceivedAt),
			n.Duration.Milliseconds(), v.IsTruncated, seq); err != nil {
			return err
		}
		if _, err := w.Exec("DELETE FROM recording WHERE id = $1", v.ID); err != nil {
			return err
		}
		if err := s.announceVoicemail(w, account, v); err != nil {
			return err
		}
		return w.endCalls(n.Calls)
	})
	if err != nil {
		return office.Voicemail{}, fmt.Errorf("adding voicemail: %w", errors.Join(err, s.dropBlob(ctx, v.BlobID)))
	}
	return v, nil
}

// announceVoicemail tells the user of account by e-mail of v, if the extension is
// still there and has an address.
func (s *Store) announceVoicemail(w *writing, account office.ID, v office.Voicemail) error {
	var e office.Extension
	var attach bool
	err := w.QueryRow("SELECT e.number, e.name, s.attach_audio FROM extension e JOIN settings s ON s.account = e.account WHERE e.account = $1", account).
		Scan(&e.Number, &e.Name, &attach)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.addMail(w, Mail{Account: account, Notice: office.Notice{
		Kind: office.NoticeVoicemail, At: v.ReceivedAt, Extension: e.Number, Name: e.Name,
		From: v.From, Duration: v.Duration, Voicemail: v.ID, Attach: attach, Truncated: v.IsTruncated,
	}})
}

// Mailbox returns how full the mailbox of account is; zero where there is none.
func (s *Store) Mailbox(ctx context.Context, account office.ID) (office.Mailbox, error) {
	var m office.Mailbox
	// As office.Voicemail.Stored: 16 bytes for each millisecond.
	err := s.db.QueryRow(ctx, `SELECT count(*), count(CASE WHEN v.is_new THEN 1 END), coalesce(sum(b.size + v.duration * 16), 0)
		FROM voicemail v JOIN blob b ON b.id = v.blob WHERE v.account = $1`, account).Scan(&m.Messages, &m.New, &m.Bytes)
	return m, err
}

// Voicemails returns those of the voicemails ids that account has, in no order.
func (s *Store) Voicemails(ctx context.Context, account office.ID, ids ...office.ID) ([]office.Voicemail, error) {
	if ids = valid(ids); len(ids) == 0 {
		return nil, nil
	}
	// Without the account in the statement: SQLite would search all that the account has.
	rows, err := s.db.Query(ctx, `SELECT v.account, v.id, v.number, v.name, v.received_at, v.duration, v.is_new, v.is_truncated, b.id, b.size, b.type
		FROM voicemail v JOIN blob b ON b.id = v.blob WHERE v.id IN (`+sqldb.Placeholders(1, len(ids))+")", sqldb.Args(ids)...)
	return collectOf(account, rows, err, func(r *sql.Rows) (owner office.ID, v office.Voicemail, err error) {
		var received, duration int64
		err = r.Scan(&owner, &v.ID, &v.From.Number, &v.From.Name, &received, &duration, &v.IsNew, &v.IsTruncated, &v.BlobID, &v.Size, &v.Type)
		v.ReceivedAt, v.Duration = at(received), office.Duration(time.Duration(duration)*time.Millisecond)
		return owner, v, err
	})
}

// A VoicemailFilter chooses voicemails; zero fields choose all.
type VoicemailFilter struct {
	After  time.Time // received at this time or later
	Before time.Time // received before this time
	IsNew  *bool
	Text   string // each of its words is in the caller's name or number; case and accents do not matter
}

func (f VoicemailFilter) list(account office.ID) *list {
	l := newList(TypeVoicemail, "received_at", account)
	if f.IsNew != nil {
		l.and("is_new = ?", *f.IsNew)
	}
	l.between(f.After, f.Before)
	l.containing(f.Text)
	return l
}

// QueryVoicemails returns the ids of the voicemails that f chooses, newest
// first. ErrNotFound: the anchor is not a voicemail of the account.
func (s *Store) QueryVoicemails(ctx context.Context, account office.ID, f VoicemailFilter, p Page) ([]office.ID, error) {
	return s.ids(ctx, f.list(account), p)
}

// PlaceOfVoicemail returns how many of the voicemails that f chooses
// QueryVoicemails returns before voicemail id. ErrNotFound: it is none of them.
func (s *Store) PlaceOfVoicemail(ctx context.Context, account office.ID, f VoicemailFilter, id office.ID) (int, error) {
	return s.place(ctx, f.list(account), id)
}

// CountVoicemails returns how many voicemails f chooses.
func (s *Store) CountVoicemails(ctx context.Context, account office.ID, f VoicemailFilter) (int, error) {
	return s.count(ctx, f.list(account))
}

// A VoicemailSet is a JMAP set call (RFC 8620 §5.3) on voicemails.
type VoicemailSet struct {
	IfInState State // "" for any
	IsNew     map[office.ID]bool
	Destroy   []office.ID
}

// A SetResult says what a set call did. The slices are in order of ID.
type SetResult struct {
	OldState, NewState State
	Updated, Destroyed []office.ID
	NotFound           []office.ID
}

// SetVoicemails applies set in one commit. A voicemail that is as wanted
// already counts as updated, without a change. ErrStateMismatch: nothing was
// done. ErrNotFound: no such account.
func (s *Store) SetVoicemails(ctx context.Context, account office.ID, set VoicemailSet) (SetResult, error) {
	var res SetResult
	err := s.write(ctx, func(w *writing) error {
		res = SetResult{}
		old, err := w.hold(account, TypeVoicemail)
		if err != nil {
			return err
		}
		res.OldState = s.state(old)
		if set.IfInState != "" && set.IfInState != res.OldState {
			return ErrStateMismatch
		}
		for _, id := range slices.Sorted(maps.Keys(set.IsNew)) {
			ok, err := w.setNew(account, id, set.IsNew[id])
			if err != nil {
				return err
			}
			note(&res.Updated, &res.NotFound, id, ok)
		}
		for _, id := range slices.Compact(slices.Sorted(slices.Values(set.Destroy))) {
			ok, err := s.destroyVoicemail(w, account, id)
			if err != nil {
				return err
			}
			note(&res.Destroyed, &res.NotFound, id, ok)
		}
		seq, _, err := position(w.row, account, TypeVoicemail)
		res.NewState = s.state(seq)
		return err
	})
	return res, err
}

func note(done, missing *[]office.ID, id office.ID, ok bool) {
	if ok {
		*done = append(*done, id)
	} else {
		*missing = append(*missing, id)
	}
}

// setNew marks a voicemail; ok is false where account has none such.
func (w *writing) setNew(account, id office.ID, isNew bool) (ok bool, err error) {
	if !id.Valid() {
		return false, nil
	}
	var was bool
	err = w.QueryRow("SELECT is_new FROM voicemail WHERE account = $1 AND id = $2", account, id).Scan(&was)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || was == isNew {
		return err == nil, err
	}
	seq, err := w.next(account, TypeVoicemail)
	if err != nil {
		return false, err
	}
	_, err = w.Exec("UPDATE voicemail SET is_new = $1, modseq = $2 WHERE id = $3", isNew, seq, id)
	return true, err
}

// destroyVoicemail deletes a voicemail with its sound; ok is false where
// account has none such.
func (s *Store) destroyVoicemail(w *writing, account, id office.ID) (ok bool, err error) {
	if !id.Valid() {
		return false, nil
	}
	var blob office.ID
	var created int64
	err = w.QueryRow("DELETE FROM voicemail WHERE account = $1 AND id = $2 RETURNING blob, created_seq", account, id).Scan(&blob, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := w.Exec("DELETE FROM blob WHERE id = $1", blob); err != nil {
		return false, err
	}
	w.orphans = append(w.orphans, s.blobPath(blob), s.MasterPath(id))
	seq, err := w.next(account, TypeVoicemail)
	if err != nil {
		return false, err
	}
	return true, w.bury(account, TypeVoicemail, id, created, seq, millis(s.now()))
}
