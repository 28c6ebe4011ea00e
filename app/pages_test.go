package app

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"timbre/app/model"
	"timbre/app/view"
	"timbre/app/widget"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

// scenes are the pages as a user may meet them.
var scenes = []struct {
	name  string
	empty bool
	set   func(g *gallery)
}{
	{name: "voicemail", set: func(g *gallery) {}},
	{name: "voicemail-open", set: func(g *gallery) { g.voicemail.Toggle("v2") }},
	{name: "voicemail-empty", empty: true, set: func(g *gallery) {}},
	{name: "voicemail-undo", set: func(g *gallery) {
		g.voicemail.Delete("v5")
		g.until(func() bool { return g.voicemail.Undo != "" })
	}},
	{name: "voicemail-offline", set: func(g *gallery) {
		g.status = engine.Status{Since: noonOfGallery.Add(-25 * time.Minute), Pending: 2}
		g.phone.SetRegistration(softphone.Registration{State: softphone.Offline, Err: office.ErrOffline})
	}},
	{name: "calllog", set: func(g *gallery) { g.shell.Show(1) }},
	{name: "calllog-missed", set: func(g *gallery) {
		g.shell.Show(1)
		g.calllog.SetKind(office.Missed)
		g.until(func() bool { return len(g.calllog.Rows) < 7 })
	}},
	{name: "calllog-failed", set: func(g *gallery) {
		g.shell.Show(1)
		g.calllog.Search("21/11/2026", "21/11/2026")
		g.until(func() bool { return len(g.calllog.Rows) == 4 })
	}},
	{name: "calllog-problem", empty: true, set: func(g *gallery) {
		g.shell.Show(1)
		g.calllog.Search("31/02/2026", "")
	}},
	{name: "call", set: func(g *gallery) {
		g.phone.Dial("102")
		g.phone.Update(&madeUpCall{to: office.Party{Number: "102", Name: "Marta Ruiz"}}, softphone.Status{State: softphone.Active, AnsweredAt: noonOfGallery.Add(-192 * time.Second), Secure: true, FarMedia: "srtp"})
	}},
	{name: "call-muted", set: func(g *gallery) {
		g.phone.Dial("+525550001122")
		g.phone.Update(&madeUpCall{to: office.Party{Number: "+525550001122", Name: "Consultorio Dental Dr. Rodríguez y Asociados del Centro Histórico"}}, softphone.Status{State: softphone.Active, Muted: true, AnsweredAt: noonOfGallery.Add(-3792 * time.Second), Secure: true, FarMedia: "rtp"})
	}},
	{name: "call-failed", set: func(g *gallery) {
		g.phone.Dial("5598887777")
		g.phone.Update(&madeUpCall{to: office.Party{Number: "5598887777"}}, softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 404})
	}},
	{name: "call-refused", set: func(g *gallery) {
		g.phone.Dial("0013055550100")
		g.phone.Update(&madeUpCall{to: office.Party{Number: "0013055550100"}}, softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 403, Why: office.TooManyCalls})
	}},
	{name: "call-incoming", set: func(g *gallery) {
		g.phone.Update(&madeUpCall{to: office.Party{Number: "+525555550199", Name: "Luis Peña"}, incoming: true}, softphone.Status{State: softphone.Ringing})
	}},
	{name: "dial-problem", set: func(g *gallery) {
		g.phone.Dial("hola")
		g.shell.Box.SetText("55 1234 5678")
	}},
}

// TestPages draws every page in every language, look and size into the folder
// screenshots, and finds texts that are cut or stand where they cannot be read.
func TestPages(t *testing.T) {
	a := test.NewApp()
	for _, look := range looks {
		a.Settings().SetTheme(variant{newLook(), look.v})
		for _, lang := range languages {
			for _, s := range scenes {
				calls, mails := sampleCalls(), sampleVoicemails()
				if s.empty {
					calls, mails = nil, nil
				}
				for _, w := range windows {
					name := s.name + "-" + w.name + "-" + look.name + "-" + string(lang)
					t.Run(name, func(t *testing.T) {
						g := newGallery(t, lang, calls, mails)
						s.set(g)
						paint(t, name, g.shell.Object, w.size, lang == office.Spanish || look.v == theme.VariantLight)
					})
				}
			}
			t.Run("login-"+string(lang), func(t *testing.T) { paintLogin(t, look.name, lang) })
		}
	}
}

func paintLogin(t *testing.T, look string, lang office.Language) {
	g := newGallery(t, lang, nil, nil)
	m := model.NewLogin(g.desk, inbox{g.mirror}, "", "")
	page := view.NewLogin(m, g.words)
	incoming := view.NewIncoming(g.phone, g.words)
	g.phone.Update(&madeUpCall{to: office.Party{Number: "+525555550199", Name: "Luis Peña"}, incoming: true}, softphone.Status{State: softphone.Ringing})
	incoming.Refresh()
	paint(t, "incoming-"+look+"-"+string(lang), incoming.Object, fyne.NewSize(320, 180), true)
	for _, w := range windows {
		m.Problem, m.Question = "", ""
		page.Refresh()
		paint(t, "login-"+w.name+"-"+look+"-"+string(lang), page.Object, w.size, true)
		m.Problem = g.words.Words(office.ErrLogin)
		page.Refresh()
		paint(t, "login-wrong-"+w.name+"-"+look+"-"+string(lang), page.Object, w.size, true)
		m.Server, m.Problem, m.Question = "https://oficina.ejemplo.mx:8443", "", "0f9d3a5be21c77448899aabbccddeeff00112233445566778899aabbccddeeff"
		page.Refresh()
		paint(t, "trust-"+w.name+"-"+look+"-"+string(lang), page.Object, w.size, true)
	}
}

// TestOverlays draws what opens over a page, and looks whether it is inside the
// window.
func TestOverlays(t *testing.T) {
	a := test.NewApp()
	for _, look := range looks {
		a.Settings().SetTheme(variant{newLook(), look.v})
		for _, win := range windows {
			for _, o := range []struct {
				name string
				open func(g *gallery, c fyne.Canvas)
			}{
				{"logout", func(g *gallery, c fyne.Canvas) {
					g.status.Pending = 2
					g.phone.Dial("102")
					g.standing.Reload()
					view.NewLogout(c, g.words, g.standing.Leaving(), func(bool) {}).Show()
				}},
				{"save", func(g *gallery, c fyne.Canvas) {
					view.NewSave(c, g.words, "/home/ana/Descargas", g.voicemail.FileName("v5"), func(string) {}).Show()
				}},
				{"calendar", func(g *gallery, c fyne.Canvas) {
					g.shell.Show(1)
					tapButton(t, g.shell.Object, g.words.Say("date.pick"))
				}},
				{"keypad", func(g *gallery, c fyne.Canvas) {
					g.phone.Dial("102")
					g.phone.Update(&madeUpCall{to: office.Party{Number: "102"}}, softphone.Status{State: softphone.Active, AnsweredAt: noonOfGallery})
					for _, d := range "12#" {
						g.phone.Press(d)
					}
					tapButton(t, g.shell.Object, g.words.Say("call.keypad"))
				}},
			} {
				name := o.name + "-" + win.name + "-" + look.name + "-" + string(office.Spanish)
				t.Run(name, func(t *testing.T) {
					g := newGallery(t, office.Spanish, sampleCalls(), sampleVoicemails())
					w := test.NewTempWindow(t, g.shell.Object)
					w.SetPadded(false)
					w.Resize(win.size)
					o.open(g, w.Canvas())
					if top := w.Canvas().Overlays().Top(); top != nil {
						legible(t, top, win.size)
					} else if o.name != "keypad" || win.name == "wide" { // narrow, the keys are on the page
						t.Error("nothing opened")
					}
					save(t, name, w.Canvas().Capture())
				})
			}
		}
	}
}

// tapButton taps the first button that is shown and means text.
func tapButton(t *testing.T, o fyne.CanvasObject, text string) {
	t.Helper()
	if !tap(o, text) {
		t.Errorf("no button %q", text)
	}
}

func tap(o fyne.CanvasObject, text string) bool {
	if !o.Visible() {
		return false
	}
	var inner []fyne.CanvasObject
	switch o := o.(type) {
	case *widget.Button:
		if o.Text == text {
			o.Tapped(nil)
			return true
		}
	case *fyne.Container:
		inner = o.Objects
	case fyne.Widget:
		inner = test.WidgetRenderer(o).Objects()
	}
	for _, c := range inner {
		if tap(c, text) {
			return true
		}
	}
	return false
}
