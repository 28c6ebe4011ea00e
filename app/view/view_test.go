package view

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"timbre/app/model"
	"timbre/app/widget"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// tokens gives the sizes of the app's theme that decide where things are.
type tokens struct{ fyne.Theme }

var tokenSizes = map[fyne.ThemeSizeName]float32{
	widget.SpaceXS: 4, widget.SpaceS: 8, widget.SpaceM: 12, widget.SpaceL: 16, widget.SpaceXL: 24, widget.RowTwo: 56, widget.RowOne: 40,
	widget.Touch: 36, widget.TouchRound: 56, widget.Wide: 720, widget.Side: 264, widget.ColumnWidth: 480, widget.StateWidth: 184, widget.BoxWidth: 400,
}

func (t tokens) Size(n fyne.ThemeSizeName) float32 {
	if s, ok := tokenSizes[n]; ok {
		return s
	}
	return t.Theme.Size(n)
}

// rig is a window with pages over models whose posts the test runs.
type rig struct {
	t     *testing.T
	desk  *model.Desk
	words *model.Phrasebook
	posts chan func()
	w     fyne.Window
}

func newRig(t *testing.T) *rig {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(tokens{theme.DefaultTheme()})
	r := &rig{t: t, words: model.NewPhrasebook(office.Spanish), posts: make(chan func(), 1000)}
	r.desk = model.NewDesk(r.words, slog.New(slog.DiscardHandler), func(f func()) { r.posts <- f })
	t.Cleanup(r.desk.Close)
	return r
}

func (r *rig) show(o fyne.CanvasObject, w, h float32) {
	r.t.Helper()
	r.w = test.NewTempWindow(r.t, o)
	r.w.SetPadded(false)
	r.w.Resize(fyne.NewSize(w, h))
}

func (r *rig) until(what string, done func() bool) {
	r.t.Helper()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for !done() {
		select {
		case f := <-r.posts:
			f()
		case <-limit.C:
			r.t.Fatalf("%s: does not happen", what)
		}
	}
}

// line is a call without a network.
type line struct {
	peer     office.Party
	incoming bool
	told     string
}

func (l *line) ID() office.ID        { return "1" }
func (l *line) Incoming() bool       { return l.incoming }
func (l *line) Peer() office.Party   { return l.peer }
func (l *line) Answer()              { l.told += "answer " }
func (l *line) Decline()             { l.told += "decline " }
func (l *line) Hangup()              { l.told += "hangup " }
func (l *line) Mute(bool)            { l.told += "mute " }
func (l *line) SendDigit(rune) error { l.told += "digit "; return nil }

func newShell(r *rig) (*Shell, *model.Phone, *line) {
	phone, l := model.NewPhone(r.desk), &line{}
	standing := model.NewStanding(r.desk, func() engine.Status { return engine.Status{} }, func() (engine.Account, bool) {
		return engine.Account{Extension: "101", Name: "Ana"}, true
	}, phone)
	none := func() int { return 0 }
	s := NewShell(standing, phone, r.words, []Place{
		{Icon: "voicemail", Text: "Buzón", Short: "Buzón", Page: widget.NewText("uno", widget.TextSize, widget.ColorText), Badge: func() int { return 3 }},
		{Icon: "calllog", Text: "Registro", Short: "Registro", Page: widget.NewText("dos", widget.TextSize, widget.ColorText), Badge: none},
	})
	phone.OnChange = s.Refresh
	phone.Connect(func(n office.Number) (model.Call, error) {
		l.peer.Number = n
		return l, nil
	})
	phone.SetRegistration(softphone.Registration{State: softphone.Registered})
	return s, phone, l
}

func TestShellIsWideOrCompact(t *testing.T) {
	r := newRig(t)
	s, phone, l := newShell(r)
	r.show(s.Object, 720, 560)
	if !s.sideItems[0].Visible() || s.more.Visible() || !s.user.Visible() {
		t.Error("720 is not wide")
	}
	r.w.Resize(fyne.NewSize(719, 560))
	if s.sideItems[0].Visible() || !s.more.Visible() || s.user.Visible() {
		t.Error("719 is not compact")
	}
	if !phone.Dial("102") {
		t.Fatal(phone.Problem)
	}
	if s.bar.Object.Visible() || !s.page.Object.Visible() || s.places[0].Page.Visible() || s.Box.Visible() {
		t.Error("the call page does not fill a compact window")
	}
	r.w.Resize(fyne.NewSize(1000, 700))
	if !s.bar.Object.Visible() || s.page.Object.Visible() || !s.places[0].Page.Visible() || !s.Box.Visible() {
		t.Error("a wide window has no call bar")
	}
	phone.Update(l, softphone.Status{State: softphone.Active, AnsweredAt: time.Now()})
	test.Tap(s.bar.ctl.mute)
	test.Tap(s.bar.ctl.keypad)
	test.Tap(s.bar.ctl.hangup)
	if l.told != "mute hangup " || r.w.Canvas().Overlays().Top() == nil {
		t.Errorf("the call was told %q, keys shown: %v", l.told, r.w.Canvas().Overlays().Top() != nil)
	}
	phone.Update(l, softphone.Status{State: softphone.Ended, Outcome: office.Answered, AnsweredAt: time.Now()})
	if r.w.Canvas().Overlays().Top() != nil {
		t.Error("the keys stay after the call")
	}
	phone.Dismiss()
	if s.bar.Object.Visible() {
		t.Error("the bar stays after the call")
	}
}

func TestShellPagesAndNumberBox(t *testing.T) {
	r := newRig(t)
	s, phone, l := newShell(r)
	r.show(s.Object, 1000, 700)
	chosen := -1
	s.OnPlace = func(i int) { chosen = i }
	test.Tap(s.sideItems[1])
	if chosen != 1 || s.Shown() != 1 || s.places[0].Page.Visible() || !s.places[1].Page.Visible() {
		t.Errorf("chosen %d", chosen)
	}
	s.Box.SetText("ana")
	s.Box.OnDial(s.Box.Text())
	if s.trouble.Words() != r.words.Words(office.ErrNumber) || s.Box.Text() != "ana" {
		t.Errorf("%q, box %q", s.trouble.Words(), s.Box.Text())
	}
	s.Box.OnDial("102")
	if l.peer.Number != "102" || s.Box.Text() != "" || s.trouble.Words() != "" {
		t.Errorf("dialled %q, box %q", l.peer.Number, s.Box.Text())
	}
	if !phone.InCall() {
		t.Error("no call")
	}
}

func TestIncomingButtons(t *testing.T) {
	r := newRig(t)
	phone := model.NewPhone(r.desk)
	l := &line{incoming: true, peer: office.Party{Number: "102", Name: "Luis"}}
	phone.Update(l, softphone.Status{State: softphone.Ringing})
	i := NewIncoming(phone, r.words)
	r.show(i.Object, 320, 180)
	test.Tap(i.ctl.answer)
	test.Tap(i.ctl.decline)
	if l.told != "answer decline " || i.name.Text != "Luis" || i.under.Text != "Ext. 102" {
		t.Errorf("told %q, shows %q %q", l.told, i.name.Text, i.under.Text)
	}
}

// door is a server that shows an authority which nobody knows.
type door struct{ asked []engine.Login }

func (d *door) Login(_ context.Context, l engine.Login) error {
	d.asked = append(d.asked, l)
	if l.Fingerprint == "" {
		return &engine.UnknownAuthority{Fingerprint: "0f9d3a5be21c77448899aabbccddeeff00112233445566778899aabbccddeeff"}
	}
	return office.ErrLogin
}
func (d *door) Logout(context.Context, bool) error { return nil }

func TestLoginByKeyboard(t *testing.T) {
	r := newRig(t)
	d := &door{}
	m := model.NewLogin(r.desk, d, "", "")
	page := NewLogin(m, r.words)
	m.OnChange = page.Refresh
	r.show(page.Object, 360, 560)
	c := r.w.Canvas()
	page.Focus(c)
	for _, text := range []string{"5555550100", "101", "secreto", "oficina.mx"} {
		test.Type(c.Focused(), text)
		if text != "oficina.mx" {
			c.FocusNext()
			if _, isEntry := c.Focused().(*widget.Entry); !isEntry {
				c.FocusNext() // the eye
			}
		}
	}
	c.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if !page.submit.Disabled() {
		t.Error("the button can be pressed twice")
	}
	r.until("the question", func() bool { return m.Question != "" })
	if page.form.Visible() || !page.trust.Visible() {
		t.Error("the question is not shown")
	}
	m.Trust()
	r.until("the answer", func() bool { return m.Problem != "" })
	if !page.form.Visible() || page.trust.Visible() || page.problem.Text != r.words.Words(office.ErrLogin) {
		t.Errorf("shows %q", page.problem.Text)
	}
	if len(d.asked) != 2 || d.asked[0].Company != "+525555550100" || d.asked[0].Extension != "101" || d.asked[0].Password != "secreto" {
		t.Errorf("asked %+v", d.asked)
	}
}

// log is a call log that is empty.
type log struct{}

func (log) Calls(context.Context, local.Filter) ([]local.Call, error) { return nil, nil }

func TestCallLogTools(t *testing.T) {
	r := newRig(t)
	m := model.NewCallLog(r.desk, log{})
	v := NewCallLog(m, r.words, time.Now)
	m.OnChange = v.Refresh
	r.show(v.Object, 800, 500)
	if !v.page.pale.Visible() {
		t.Error("no pale bars while nothing is known")
	}
	m.Reload()
	r.until("the rows", func() bool { return m.Loaded })
	if v.page.pale.Visible() || !v.page.empty.object.Visible() || v.page.list.Visible() {
		t.Error("an empty log shows no words")
	}
	v.segments.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	if m.Kind != office.Incoming {
		t.Errorf("kind %q", m.Kind)
	}
	m.Search("32/01/2026", "")
	if !v.problem.Visible() {
		t.Error("a bad date is not told")
	}
}

func TestSaveTellsBeforeItReplaces(t *testing.T) {
	r := newRig(t)
	r.show(widget.NewPlane(widget.ColorPage), 500, 500)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there.mp3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder, file string
		presses      int // until it is saved
	}{{dir, "new.mp3", 1}, {dir, "there.mp3", 2}, {dir, "../new2.mp3", 1}, {filepath.Join(dir, "no"), "x.mp3", 0}, {dir, "", 0}} {
		saved, n := "", 0
		s := newSave(r.w.Canvas(), r.words, c.folder, c.file, func(path string) { saved = path })
		s.dialog.Show()
		for ; saved == "" && n < 3; n++ {
			s.submit()
		}
		switch {
		case c.presses == 0 && (saved != "" || s.problem.Text == ""):
			t.Errorf("%s: saved as %q, %q", c.file, saved, s.problem.Text)
		case c.presses > 0 && (n != c.presses || filepath.Dir(saved) != dir):
			t.Errorf("%s: saved as %q after %d", c.file, saved, n)
		}
		s.dialog.Hide()
	}
}
