package view

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"timbre/app/model"
	"timbre/app/widget"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/local"
)

func press(f fyne.Focusable, names ...fyne.KeyName) {
	for _, n := range names {
		f.TypedKey(&fyne.KeyEvent{Name: n})
	}
}

func TestKeypadTakesTheKeyboard(t *testing.T) {
	for _, width := range []float32{1000, 360} {
		r := newRig(t)
		s, phone, l := newShell(r)
		r.show(s.Object, width, 600)
		phone.Dial("102")
		phone.Update(l, softphone.Status{State: softphone.Active, AnsweredAt: time.Now()})
		open, ctl := func() bool { return s.page.open }, s.page.ctl
		if s.wide {
			open, ctl = func() bool { return s.bar.pad != nil && s.bar.pad.Visible() }, s.bar.ctl
		}
		test.Tap(ctl.keypad)
		if !open() || r.w.Canvas().Focused() == nil {
			t.Fatalf("%.0f: no keys, or not with the keyboard", width)
		}
		test.Type(r.w.Canvas().Focused(), "5#")
		if phone.Talk.Digits != "5#" || l.told != "digit digit " {
			t.Errorf("%.0f: sent %q, told %q", width, phone.Talk.Digits, l.told)
		}
		press(r.w.Canvas().Focused(), fyne.KeyEscape)
		if open() {
			t.Errorf("%.0f: escape leaves the keys", width)
		}
		test.Tap(ctl.keypad)
		if s.HideKeypad(); open() || s.page.Object.Visible() == s.wide {
			t.Errorf("%.0f: the keys stay", width)
		}
	}
}

func TestCallWithoutANumber(t *testing.T) {
	r := newRig(t)
	s, phone, l := newShell(r)
	r.show(s.Object, 1000, 600)
	s.Box.Focus()
	field := r.w.Canvas().Focused()
	r.w.Canvas().Unfocus()
	var button *widget.Button
	for _, o := range test.WidgetRenderer(s.Box).Objects()[0].(*fyne.Container).Objects {
		if b, ok := o.(*widget.Button); ok {
			button = b
		}
	}
	test.Tap(button)
	if r.w.Canvas().Focused() != field || s.trouble.Words() != "" {
		t.Errorf("focus on %v, says %q", r.w.Canvas().Focused(), s.trouble.Words())
	}
	phone.Dial("102")
	phone.Dial("103")
	if s.trouble.Words() != r.words.Words(softphone.ErrInCall) {
		t.Errorf("a second call: says %q", s.trouble.Words())
	}
	phone.Update(l, softphone.Status{State: softphone.Ended, Outcome: office.Canceled})
	if s.trouble.Words() != "" {
		t.Errorf("after the call: says %q", s.trouble.Words())
	}
}

func TestAnswerStandsFirst(t *testing.T) {
	r := newRig(t)
	s, phone, l := newShell(r)
	l.incoming = true
	phone.Update(l, softphone.Status{State: softphone.Ringing})
	for _, c := range []struct {
		what string
		o    fyne.CanvasObject
		ctl  controls
		w    float32
	}{{"bar", s.Object, s.bar.ctl, 1000}, {"page", s.Object, s.page.ctl, 360}} {
		r.show(c.o, c.w, 600)
		if !c.ctl.answer.Visible() || c.ctl.answer.Position().X >= c.ctl.decline.Position().X {
			t.Errorf("%s: answer at %v, decline at %v", c.what, c.ctl.answer.Position(), c.ctl.decline.Position())
		}
	}
	i := NewIncoming(phone, r.words)
	r.show(i.Object, 320, 180)
	if i.ctl.answer.Position().X >= i.ctl.decline.Position().X {
		t.Error("window: decline stands first")
	}
}

func TestLoginShowsWhatToMend(t *testing.T) {
	r := newRig(t)
	d := &door{}
	m := model.NewLogin(r.desk, d, "oficina.mx", "")
	page := NewLogin(m, r.words)
	m.OnChange = page.Refresh
	r.show(page.Object, 400, 700)
	c := r.w.Canvas()
	for _, f := range []struct {
		field *widget.Entry
		text  string
		label string
	}{{page.company, "55 5555 0100", "login.company"}, {page.extension, "101", "login.extension"}, {page.secret, "secreto", "login.password"}} {
		c.Unfocus()
		test.Tap(page.submit)
		if want := r.words.Say("login.missing", "field", r.words.Say(f.label)); c.Focused() != f.field || page.problem.Text != want {
			t.Errorf("%s: focus on %v, says %q", f.label, c.Focused(), page.problem.Text)
		}
		test.Type(c.Focused(), f.text)
	}
	press(c.Focused(), fyne.KeyReturn)
	r.until("the question", func() bool { return page.trust.Visible() })
	if c.Focused() != nil {
		t.Error("a field that is not seen has the keyboard")
	}
	page.Cancel()
	if !page.form.Visible() || page.trust.Visible() || len(d.asked) != 1 || m.Question != "" {
		t.Errorf("after escape: %+v", d.asked)
	}
	test.Tap(page.submit)
	r.until("the question", func() bool { return page.trust.Visible() })
	m.Trust()
	r.until("the answer", func() bool { return m.Problem != "" })
	if c.Focused() != page.secret || page.secret.SelectedText() != "secreto" {
		t.Errorf("after a wrong password: focus on %v, selected %q", c.Focused(), page.secret.SelectedText())
	}
}

func TestBadDateStandsBelowItsField(t *testing.T) {
	for _, width := range []float32{1000, 700, 360} {
		r := newRig(t)
		m := model.NewCallLog(r.desk, log{})
		v := NewCallLog(m, r.words, time.Now)
		m.OnChange = v.Refresh
		r.show(v.Object, width, 500)
		m.Reload()
		r.until("the rows", func() bool { return m.Loaded })
		for _, f := range []*widget.DateField{v.from, v.to} {
			v.from.SetDate(m.From)
			v.to.SetDate(m.To)
			before := m.Kind
			field := test.WidgetRenderer(f).Objects()[0].(*widget.Entry)
			field.SetText("32/01/2026")
			press(v.segments, fyne.KeyRight)
			if m.Kind == before || v.problem.Text != r.words.Say("calllog.badDate") || !v.problem.Visible() {
				t.Errorf("%.0f: kind %q, says %q", width, m.Kind, v.problem.Text)
			}
			if at := v.problem.Position(); at.X != f.Position().X || at.Y < f.Position().Y+f.Size().Height {
				t.Errorf("%.0f: the words stand at %v, the field at %v", width, at, f.Position())
			}
		}
	}
}

func TestEnterSaves(t *testing.T) {
	r := newRig(t)
	r.show(widget.NewPlane(widget.ColorPage), 500, 500)
	dir, saved := t.TempDir(), ""
	NewSave(r.w.Canvas(), r.words, dir, "a.mp3", func(path string) { saved = path }).Show()
	press(r.w.Canvas().Focused(), fyne.KeyReturn)
	if !strings.HasPrefix(saved, dir) || filepath.Base(saved) != "a.mp3" {
		t.Errorf("saved as %q", saved)
	}
}

// mails is an inbox of three messages whose sound is not here.
type mails struct{ rows []local.Voicemail }

func (m *mails) Voicemails(context.Context, local.Filter) ([]local.Voicemail, error) {
	return m.rows, nil
}
func (*mails) MarkVoicemail(context.Context, office.ID, bool) error { return nil }
func (m *mails) DeleteVoicemail(_ context.Context, id office.ID) error {
	m.rows = slices.DeleteFunc(slices.Clone(m.rows), func(v local.Voicemail) bool { return v.ID == id })
	return nil
}
func (*mails) UndoDelete(context.Context, office.ID) error { return nil }
func (*mails) Audio(context.Context, office.ID) (io.ReadSeekCloser, error) {
	return nil, office.ErrOffline
}

func (*mails) Download(context.Context, office.ID, string) error { return nil }

func mail(id office.ID) local.Voicemail {
	return local.Voicemail{Voicemail: office.Voicemail{ID: id, From: office.Party{Number: "102", Name: "Luis"}, ReceivedAt: time.Unix(1e9, 0)}}
}

func TestKeysActOnTheMessageThatIsMarked(t *testing.T) {
	r := newRig(t)
	inbox := &mails{rows: []local.Voicemail{mail("b"), mail("a")}}
	m := model.NewVoicemail(r.desk, inbox, nil)
	v := NewVoicemail(m, r.words)
	m.OnChange, m.OnTick = v.Refresh, v.Tick
	r.show(v.Object, 800, 500)
	m.Reload()
	r.until("the rows", func() bool { return m.Loaded })
	r.w.Canvas().Focus(v.list)
	press(v.list, fyne.KeyDown, fyne.KeyReturn)
	if m.Open != "a" || m.Player.Loading {
		t.Fatalf("open: %q, player %+v", m.Open, m.Player)
	}
	inbox.rows = slices.Insert(inbox.rows, 0, mail("c"))
	m.Reload()
	r.until("the new one", func() bool { return len(m.Rows) == 3 })
	if press(v.list, fyne.KeyReturn); m.Open != "a" || !m.Player.Loading {
		t.Errorf("enter again: open %q, player %+v", m.Open, m.Player)
	}
	r.until("the reason", func() bool { return m.Player.Problem != "" })
	if press(v.list, fyne.KeyEscape); m.Open != "" {
		t.Errorf("escape leaves %q open", m.Open)
	}
	press(v.list, fyne.KeyDelete)
	r.until("the deletion", func() bool { return len(m.Rows) == 2 })
	if m.Rows[0].ID != "c" || m.Rows[1].ID != "b" {
		t.Errorf("left: %+v", m.Rows)
	}
}
