package model

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

var luis = office.Party{Number: "102", Name: "Luis"}

// tone is a Sound that plays until it is told to end.
type tone struct {
	mu   sync.Mutex
	at   time.Duration // guarded by mu
	runs int           // guarded by mu
	end  chan error
}

func (s *tone) Run(ctx context.Context) error {
	s.mu.Lock()
	s.runs++
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-s.end:
		s.Seek(0)
		return err
	}
}

func (s *tone) Position() time.Duration { s.mu.Lock(); defer s.mu.Unlock(); return s.at }
func (s *tone) Seek(to time.Duration)   { s.mu.Lock(); defer s.mu.Unlock(); s.at = to }
func (s *tone) Duration() time.Duration { return 34 * time.Second }

func newMail(t *testing.T, b *bench, mails ...office.Voicemail) (*Voicemail, *box, *tone) {
	t.Helper()
	inbox, sound := newBox(t, mails, nil), &tone{end: make(chan error)}
	v := NewVoicemail(b.Desk, inbox, func(io.Reader) (Sound, error) { return sound, nil })
	v.Reload()
	b.until("the rows", func() bool { return v.Loaded })
	return v, inbox, sound
}

func TestVoicemailRows(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, _, _ := newMail(t, b, message("v1", luis, 20*time.Hour, false), message("v2", office.Party{Number: "+525512345678"}, time.Hour, true))
	if len(v.Rows) != 2 || v.New != 1 {
		t.Fatalf("%+v", v.Rows)
	}
	r := v.Rows[0] // newest first
	if r.ID != "v2" || r.Name != "55 1234 5678" || r.Under != "" || r.When != "hoy 11:00" || r.Length != "0:34" || !r.IsNew {
		t.Errorf("%+v", r)
	}
	if r := v.Rows[1]; r.Name != "Luis" || r.Under != "Ext. 102" || r.When != "ayer 16:00" || r.IsNew {
		t.Errorf("%+v", r)
	}
}

func TestHearingClearsTheNewMarker(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, _, sound := newMail(t, b, message("v1", luis, time.Hour, true))
	v.Play("v1")
	if v.Open != "v1" || !v.Player.Loading {
		t.Fatalf("%+v", v.Player)
	}
	b.until("the sound", func() bool { return v.Player.Playing })
	sound.Seek(5 * time.Second)
	b.until("the marker cleared", func() bool { return v.New == 0 })
	b.until("a moved slider", func() bool { return v.Player.Position == 5*time.Second })
	v.PlayPause()
	if v.Player.Playing || v.Player.Position != 5*time.Second {
		t.Errorf("paused: %+v", v.Player)
	}
	v.Player.Seek(time.Hour)
	if v.Player.Position != v.Player.Length {
		t.Errorf("sought past the end: %s", v.Player.Position)
	}
	v.PlayPause()
	b.until("playing again", func() bool { return v.Player.Playing })
	sound.end <- nil
	b.until("the end", func() bool { return !v.Player.Playing })
	if v.Player.Position != 0 || v.Open != "v1" {
		t.Errorf("at the end: %+v", v.Player)
	}
	v.Mark("v1", true)
	b.until("new again", func() bool { return v.New == 1 })
	if !v.Rows[0].IsPending {
		t.Error("a change that was not sent is not pending")
	}
}

func TestPositionStaysWithinTheLength(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, _, sound := newMail(t, b, message("v1", luis, time.Hour, true))
	v.Play("v1")
	b.until("the sound", func() bool { return v.Player.Playing })
	sound.Seek(35 * time.Second) // a second longer than the server measured
	b.until("the end of the slider", func() bool { return v.Player.Position != 0 })
	if v.Player.Position != 34*time.Second {
		t.Errorf("playing: at %s", v.Player.Position)
	}
	if v.PlayPause(); v.Player.Position != 34*time.Second {
		t.Errorf("paused: at %s", v.Player.Position)
	}
}

func TestPlayerSaysWhyItCannot(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, inbox, sound := newMail(t, b, message("v1", luis, time.Hour, true), message("v2", luis, 2*time.Hour, true))
	inbox.audioErr = office.ErrOffline
	v.Play("v1")
	b.until("the reason", func() bool { return v.Player.Problem != "" })
	if v.Player.Problem != b.Phrases.Say("voicemail.notHere") || v.Player.Loading || v.New != 2 {
		t.Errorf("offline: %+v", v.Player)
	}
	inbox.audioErr = nil
	v.Play("v2") // another row has a clean slate
	b.until("the sound", func() bool { return v.Player.Playing })
	sound.end <- errors.New("unplugged")
	b.until("the reason", func() bool { return v.Player.Problem != "" })
	if v.Player.Problem != b.Phrases.Say("error.audio") || v.Player.Playing || v.New != 2 { // nobody heard it
		t.Errorf("no speaker: %+v", v.Player)
	}
}

func TestClosingARowStopsItsSound(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, _, _ := newMail(t, b, message("v1", luis, time.Hour, false), message("v2", luis, 2*time.Hour, false))
	v.Play("v1")
	v.Toggle("v1") // before the sound is there
	if v.Open != "" || v.Player.Loading {
		t.Fatalf("%+v", v.Player)
	}
	v.Play("v2")
	b.until("the sound", func() bool { return v.Player.Playing })
	v.Toggle("v1")
	if v.Open != "v1" || v.Player.Playing {
		t.Fatalf("the old row still sounds: %+v", v.Player)
	}
}

func TestDeleteAndUndo(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, _, _ := newMail(t, b, message("v1", luis, time.Hour, true), message("v2", office.Party{}, 2*time.Hour, true))
	v.Toggle("v1")
	v.Delete("v1")
	b.until("the row gone", func() bool { return len(v.Rows) == 1 })
	if v.Undo != "Mensaje de Luis eliminado." || v.Open != "" || v.New != 1 {
		t.Fatalf("%q, %q", v.Undo, v.Open)
	}
	v.Restore()
	b.until("the row back", func() bool { return len(v.Rows) == 2 })
	if v.Undo != "" {
		t.Errorf("still to be undone: %q", v.Undo)
	}
	v.Restore() // nothing to bring back
	v.Delete("v2")
	b.until("the second row gone", func() bool { return len(v.Rows) == 1 })
	v.Delete("v1") // only the last one can be brought back from here
	b.until("all rows gone", func() bool { return len(v.Rows) == 0 })
	v.Restore()
	b.until("one back", func() bool { return len(v.Rows) == 1 })
	if v.Rows[0].ID != "v1" {
		t.Errorf("%+v", v.Rows)
	}
}

// A message that was deleted elsewhere closes its row and says so when it is
// acted upon.
func TestDeletedElsewhere(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, inbox, _ := newMail(t, b, message("v1", luis, time.Hour, true))
	v.Toggle("v1")
	if err := inbox.DeleteVoicemail(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	v.Mark("v1", false)
	b.until("the words", func() bool { return v.Notice != "" })
	if v.Notice != b.Phrases.Words(office.ErrNotFound) || v.Open != "" || len(v.Rows) != 0 {
		t.Errorf("%q, open %q, %d rows", v.Notice, v.Open, len(v.Rows))
	}
	v.CloseNotice()
	if v.Notice != "" {
		t.Error("the notice stays")
	}
}

func TestDownloadAndCallBack(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, inbox, _ := newMail(t, b, message("v1", office.Party{Number: "102", Name: `A/C: "Clima" <x>`}, time.Hour, true), message("v2", office.Party{}, 2*time.Hour, true))
	if got := v.FileName("v1"); got != "Mensaje de A-C- -Clima- -x- "+v.Rows[0].ReceivedAt.Local().Format("2006-01-02 15.04")+".mp3" {
		t.Errorf("file name %q", got)
	}
	v.Download("v1", "/tmp/x.mp3")
	b.until("the notice", func() bool { return v.Notice != "" })
	if inbox.saved != "v1 /tmp/x.mp3" || v.Notice != "Mensaje guardado en /tmp/x.mp3." {
		t.Errorf("%q, %q", inbox.saved, v.Notice)
	}
	var dialled []office.Party
	v.OnDial = func(p office.Party) { dialled = append(dialled, p) }
	v.CallBack("v1")
	v.CallBack("v2") // nobody to call
	if len(dialled) != 1 || dialled[0].Number != "102" {
		t.Errorf("dialled %v", dialled)
	}
}

func TestRefusedChangesAreTold(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, inbox, _ := newMail(t, b, message("v1", luis, time.Hour, true))
	v.Mark("v1", false)
	b.until("the marker cleared", func() bool { return v.New == 0 })
	edits, err := inbox.TakeEdits(t.Context(), noon.Add(time.Hour), 10)
	if err != nil || len(edits) != 1 {
		t.Fatalf("%v, %v", edits, err)
	}
	if err := inbox.Refuse(t.Context(), edits[0], "forbidden", noon); err != nil {
		t.Fatal(err)
	}
	v.TellRefused(inbox)
	b.until("the words", func() bool { return v.Notice != "" })
	v.Reload()
	b.until("the server's truth", func() bool { return v.New == 1 })
	if v.Notice != b.Phrases.Words(office.ErrRefused) {
		t.Errorf("%q", v.Notice)
	}
	if left, err := inbox.Refused(t.Context()); len(left) != 0 || err != nil {
		t.Errorf("told again next time: %v, %v", left, err)
	}
}

// TestRefusedFaxStaysForItsUser: nothing but the outbox has its document.
func TestRefusedFaxStaysForItsUser(t *testing.T) {
	b := newBench(t, office.Spanish)
	v, inbox, _ := newMail(t, b, message("v1", luis, time.Hour, true))
	if err := inbox.Unlock(make([]byte, local.KeySize)); err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.SendFax(t.Context(), "5512345678", strings.NewReader("%PDF-1.4 and so on"), noon); err != nil {
		t.Fatal(err)
	}
	v.Mark("v1", false)
	b.until("the marker cleared", func() bool { return v.New == 0 })
	edits, err := inbox.TakeEdits(t.Context(), noon.Add(time.Hour), 10)
	if err != nil || len(edits) != 2 {
		t.Fatalf("%v, %v", edits, err)
	}
	for _, e := range edits {
		if err := inbox.Refuse(t.Context(), e, "forbidden", noon); err != nil {
			t.Fatal(err)
		}
	}
	v.TellRefused(inbox)
	b.until("the words", func() bool { return v.Notice != "" })
	if left, err := inbox.Refused(t.Context()); len(left) != 1 || left[0].Action != local.CreateFax || err != nil {
		t.Errorf("left to decide: %v, %v", left, err)
	}
}

func TestVoicemailReadsPageByPage(t *testing.T) {
	b := newBench(t, office.Spanish)
	var mails []office.Voicemail
	for i := range 450 {
		mails = append(mails, message(office.NewID(), luis, time.Duration(i)*time.Minute, false))
	}
	v, _, _ := newMail(t, b, mails...)
	for _, want := range []int{200, 400, 450} {
		if len(v.Rows) != want {
			t.Fatalf("%d rows, want %d", len(v.Rows), want)
		}
		v.More()
		v.More() // the page asks for each row that comes into sight
		if want < 450 {
			b.until("more rows", func() bool { return len(v.Rows) > want })
		}
	}
}
