package model

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// An Inbox is what the voicemail page needs of the engine. *engine.Engine is
// one; its methods say which errors come back.
type Inbox interface {
	Voicemails(ctx context.Context, f local.Filter) ([]local.Voicemail, error)
	MarkVoicemail(ctx context.Context, id office.ID, isNew bool) error
	DeleteVoicemail(ctx context.Context, id office.ID) error
	UndoDelete(ctx context.Context, id office.ID) error
	Audio(ctx context.Context, id office.ID) (io.ReadSeekCloser, error)
	Download(ctx context.Context, id office.ID, dst string) error
}

// Refusals are the changes that the server said no to. *engine.Engine has them.
type Refusals interface {
	Refused(ctx context.Context) ([]local.Refused, error)
	Dismiss(ctx context.Context, seq int64) error
}

// UndoTime is how long a deleted message can be brought back from the page: as
// long as the outbox holds it.
const UndoTime = local.Hold

// A Message is one row of the voicemail page, in words.
type Message struct {
	ID         office.ID
	Party      office.Party
	Name       string // first line
	Under      string // second line; may be empty
	When       string
	Length     string
	Duration   time.Duration
	ReceivedAt time.Time
	IsNew      bool
	IsPending  bool // a change of it has not been sent
	IsCut      bool // incomplete: a stop of the server cut it
}

// A Voicemail is the page of messages, newest first, with the one that is open.
type Voicemail struct {
	Rows   []Message
	Loaded bool      // the rows have been read; until then nothing is known
	New    int       // rows not yet heard
	Open   office.ID // whose player is shown; empty for none
	Player Player    // of the open row

	Undo   string // words for the message just deleted; empty where there is none to bring back
	Notice string // words about what was done or could not be done; empty for none

	OnChange func()             // rows, open row or notices
	OnTick   func()             // Player alone
	OnDial   func(office.Party) // call back

	desk    *Desk
	inbox   Inbox
	limit   int
	turn    int  // counts reads: only the last one counts
	full    bool // the last read filled the limit: there may be more
	undoID  office.ID
	undoEnd func()
}

// NewVoicemail returns the page, empty until Reload. open reads the sound of a
// message.
func NewVoicemail(desk *Desk, inbox Inbox, open func(io.Reader) (Sound, error)) *Voicemail {
	v := &Voicemail{desk: desk, inbox: inbox, limit: local.DefaultLimit}
	v.Player = Player{desk: desk, open: open, onChange: func() { changed(v.OnTick) }}
	return v
}

// Reload reads the rows again.
func (v *Voicemail) Reload() {
	v.turn++
	limit, turn := v.limit, v.turn
	v.desk.Go(func(ctx context.Context) func() {
		rows, err := v.inbox.Voicemails(ctx, local.Filter{Limit: limit})
		return func() {
			if turn != v.turn {
				return // a later read is under way
			}
			if err != nil {
				v.desk.Log.Error("reading voicemails", "err", err)
				v.say(v.desk.Phrases.Words(err))
				return
			}
			v.loaded(rows, limit)
		}
	})
}

// More reads further rows if there are any; the page calls it near the end.
func (v *Voicemail) More() {
	if v.full {
		v.full = false
		v.limit += local.DefaultLimit
		v.Reload()
	}
}

// loaded takes rows read with limit.
func (v *Voicemail) loaded(rows []local.Voicemail, limit int) {
	p, now := v.desk.Phrases, v.desk.Now()
	v.Rows, v.New, v.Loaded, v.full = make([]Message, len(rows)), 0, true, len(rows) >= limit
	open := false
	for i, r := range rows {
		v.Rows[i] = Message{
			ID: r.ID, Party: r.From, Name: p.Name(r.From, v.desk.Region), Under: p.Under(r.From, v.desk.Region),
			When: p.When(r.ReceivedAt, now), Length: Length(time.Duration(r.Duration)), Duration: time.Duration(r.Duration),
			ReceivedAt: r.ReceivedAt, IsNew: r.IsNew, IsPending: r.IsPending, IsCut: r.IsTruncated,
		}
		if r.IsNew {
			v.New++
		}
		open = open || r.ID == v.Open
	}
	if v.Open != "" && !open { // deleted on another device
		v.close()
	}
	changed(v.OnChange)
}

// row returns the row of a message that is shown.
func (v *Voicemail) row(id office.ID) (Message, bool) {
	for _, r := range v.Rows {
		if r.ID == id {
			return r, true
		}
	}
	return Message{}, false
}

// Toggle opens the row of a message, or closes it where it is open.
func (v *Voicemail) Toggle(id office.ID) {
	if v.Open == id {
		v.close()
	} else {
		v.show(id)
	}
	changed(v.OnChange)
}

func (v *Voicemail) close() {
	v.Player.unload()
	v.Open = ""
}

func (v *Voicemail) show(id office.ID) {
	v.close()
	if r, ok := v.row(id); ok {
		v.Open = id
		v.Player.Length = r.Duration // as the server measured it
	}
}

// Play plays a message from where it stands, opening its row. Hearing it clears
// its new marker.
func (v *Voicemail) Play(id office.ID) {
	if v.Open != id {
		v.show(id)
		changed(v.OnChange)
	}
	if v.Open == "" {
		return
	}
	v.Player.play(func(ctx context.Context) (io.ReadSeekCloser, error) { return v.inbox.Audio(ctx, id) }, func() {
		if r, ok := v.row(id); ok && r.IsNew {
			v.Mark(id, false)
		}
	})
}

// PlayPause plays the open message or pauses it.
func (v *Voicemail) PlayPause() {
	if v.Player.Playing {
		v.Player.Pause()
	} else if v.Open != "" {
		v.Play(v.Open)
	}
}

// Mark makes a message new again, or heard.
func (v *Voicemail) Mark(id office.ID, isNew bool) {
	v.do("marking voicemail", func(ctx context.Context) error { return v.inbox.MarkVoicemail(ctx, id, isNew) }, nil)
}

// Delete removes a message; Restore brings it back within UndoTime.
func (v *Voicemail) Delete(id office.ID) {
	r, ok := v.row(id)
	if !ok {
		return
	}
	if v.Open == id {
		v.close()
	}
	v.do("deleting voicemail", func(ctx context.Context) error { return v.inbox.DeleteVoicemail(ctx, id) }, func() {
		v.forgetUndo()
		v.Undo, v.undoID, v.Notice = v.desk.Phrases.Say("voicemail.deleted", "name", r.Name), id, ""
		v.undoEnd = v.desk.after(UndoTime, func() {
			if v.undoID == id {
				v.forgetUndo()
				changed(v.OnChange)
			}
		})
	})
}

// Restore brings the message back that was deleted last.
func (v *Voicemail) Restore() {
	id := v.undoID
	if id == "" {
		return
	}
	v.forgetUndo()
	v.do("restoring voicemail", func(ctx context.Context) error { return v.inbox.UndoDelete(ctx, id) }, nil)
}

func (v *Voicemail) forgetUndo() {
	if v.undoEnd != nil {
		v.undoEnd()
	}
	v.Undo, v.undoID, v.undoEnd = "", "", nil
}

// TellRefused says which changes the server refused since it was asked last; the
// rows show the server's truth again by themselves. What the user has to decide
// about stays, and is not told here.
func (v *Voicemail) TellRefused(from Refusals) {
	v.desk.Go(func(ctx context.Context) func() {
		refused, err := from.Refused(ctx)
		words := ""
		for _, r := range refused {
			if r.IsToDecide() {
				continue
			}
			words = v.desk.Phrases.Words(office.ErrRefused)
			if r.Reason == string(office.ErrNotFound) {
				words = v.desk.Phrases.Words(office.ErrNotFound)
			}
			err = errors.Join(err, from.Dismiss(ctx, r.Seq))
		}
		if err != nil {
			v.desk.Log.Warn("reading refused changes", "err", err)
		}
		if words == "" {
			return nil
		}
		return func() { v.say(words) }
	})
}

// Download copies the sound of a message to the file dst.
func (v *Voicemail) Download(id office.ID, dst string) {
	v.do("downloading voicemail", func(ctx context.Context) error { return v.inbox.Download(ctx, id, dst) }, func() {
		v.say(v.desk.Phrases.Say("voicemail.saved", "file", dst))
	})
}

// FileName returns the name that the file of a message has unless the user
// chooses another; it is valid on every system.
func (v *Voicemail) FileName(id office.ID) string {
	r, _ := v.row(id)
	name := v.desk.Phrases.Say("voicemail.file", "name", r.Name, "date", r.ReceivedAt.Local().Format("2006-01-02 15.04"))
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, c) {
			return '-'
		}
		return c
	}, name)
}

// CallBack dials who left a message.
func (v *Voicemail) CallBack(id office.ID) {
	if r, ok := v.row(id); ok && r.Party.Number != "" && v.OnDial != nil {
		v.Player.Pause()
		v.OnDial(r.Party)
	}
}

// CloseNotice takes the notice away.
func (v *Voicemail) CloseNotice() { v.say("") }

func (v *Voicemail) say(words string) {
	v.Notice = words
	changed(v.OnChange)
}

// do changes something in the local copy, reads the rows again and calls then.
func (v *Voicemail) do(what string, work func(context.Context) error, then func()) {
	v.turn++
	limit, turn := v.limit, v.turn
	v.desk.Go(func(ctx context.Context) func() {
		err := work(ctx)
		rows, listErr := v.inbox.Voicemails(ctx, local.Filter{Limit: limit})
		return func() {
			switch {
			case err != nil:
				v.desk.Log.Warn(what, "err", err)
				v.Notice = v.desk.Phrases.Words(err)
			case then != nil:
				then()
			}
			if listErr == nil && turn == v.turn {
				v.loaded(rows, limit)
			} else {
				changed(v.OnChange)
			}
		}
	})
}
