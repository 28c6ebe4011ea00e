// Package view has one file per page. A page puts widgets together, draws its
// model when the model has changed, and turns clicks into the model's actions.
// It decides nothing, waits for nothing and knows no other page.
package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"timbre/app/model"
	"timbre/app/widget"
)

// A Login is the page in front of all others: the fields, or the question
// whether a fingerprint is the office's.
type Login struct {
	Object fyne.CanvasObject

	m     *model.Login
	words *model.Phrasebook

	form, trust                         *fyne.Container
	all                                 *fyne.Container
	server, company, extension, secret  *widget.Entry
	serverRow                           fyne.CanvasObject
	other                               *widget.Button
	submit                              *widget.Button
	problem, trustText, print, trustTip *widget.Text
}

// NewLogin returns the page of m.
func NewLogin(m *model.Login, words *model.Phrasebook) *Login {
	l := &Login{m: m, words: words}
	say := words.Say
	l.company = widget.NewEntry(say("login.company.example"), l.send)
	l.extension = widget.NewEntry(say("login.extension.example"), l.send)
	l.secret = widget.NewSecret(l.send)
	l.server = widget.NewEntry(say("login.server.example"), l.send)
	l.serverRow = widget.Labelled(say("login.server"), l.server)
	l.other = widget.NewButton("", say("login.otherServer"), widget.Quiet, m.ChangeServer)
	l.submit = widget.NewButton("", say("login.submit"), widget.Primary, l.send)
	l.problem = widget.NewText("", widget.TextSize, widget.ColorBad)
	l.server.SetText(m.Server)
	l.company.SetText(m.Company)
	l.extension.SetText(m.Extension)

	mark := canvas.NewImageFromResource(widget.AppIcon())
	mark.FillMode = canvas.ImageFillContain
	mark.SetMinSize(fyne.NewSquareSize(widget.Size(widget.RowTwo)))
	hint := widget.NewText(say("login.hint"), widget.TextSize, widget.ColorMuted)
	title := widget.NewTitle(say("login.title"))
	title.Align, hint.Align = fyne.TextAlignCenter, fyne.TextAlignCenter
	l.form = widget.Column(widget.SpaceM,
		mark, widget.Column(widget.SpaceXS, title, hint),
		widget.Labelled(say("login.company"), l.company),
		widget.Labelled(say("login.extension"), l.extension),
		widget.Labelled(say("login.password"), l.secret),
		l.serverRow, l.problem, l.submit, l.other)

	l.trustText = widget.NewText("", widget.TextSize, widget.ColorText)
	l.print = widget.NewText("", widget.TextTitle, widget.ColorText)
	l.print.Mono, l.print.Align = true, fyne.TextAlignCenter
	l.trustTip = widget.NewText(say("trust.warning"), widget.TextSize, widget.ColorWarn)
	l.trust = widget.Column(widget.SpaceL,
		widget.NewTitle(say("trust.title")), l.trustText, l.print, l.trustTip,
		widget.NewButton("shield", say("trust.accept"), widget.Primary, m.Trust),
		widget.NewButton("", say("trust.reject"), widget.Plain, m.Distrust))

	l.trust.Hide()
	l.all = container.New(&middle{}, l.form, l.trust)
	l.Object = container.NewStack(widget.NewPlane(widget.ColorSurface), container.NewVScroll(l.all))
	m.OnMend = l.mend
	l.Refresh()
	return l
}

// mend moves the keyboard to the field that is to be mended.
func (l *Login) mend(f model.LoginField) {
	map[model.LoginField]*widget.Entry{
		model.CompanyField: l.company, model.ExtensionField: l.extension, model.PasswordField: l.secret, model.ServerField: l.server,
	}[f].Focus()
}

// Cancel is what escape does: an authority that is asked about is not trusted.
func (l *Login) Cancel() {
	if l.m.Question != "" {
		l.m.Distrust()
	}
}

// send gives what is typed to the model.
func (l *Login) send() {
	l.m.Server, l.m.Company, l.m.Extension, l.m.Password = l.server.Text, l.company.Text, l.extension.Text, l.secret.Text
	l.m.Submit()
}

// Focus moves the keyboard to the first field that is empty.
func (l *Login) Focus(c fyne.Canvas) {
	for _, e := range []*widget.Entry{l.company, l.extension, l.secret} {
		if e.Text == "" {
			c.Focus(e)
			return
		}
	}
	c.Focus(l.secret)
}

// Complain says what went wrong before the page was shown.
func (l *Login) Complain(words string) {
	l.m.Problem = words
	l.Refresh()
}

// Refresh draws the model.
func (l *Login) Refresh() {
	say := l.words.Say
	if asked := l.m.Question != ""; asked != l.trust.Visible() {
		l.form.Hidden, l.trust.Hidden = asked, !asked
		if c := fyne.CurrentApp().Driver().CanvasForObject(l.Object); c != nil && asked {
			c.Unfocus() // no key reaches a field that is not seen
		} else if c != nil {
			l.Focus(c)
		}
	}
	l.serverRow.(*fyne.Container).Hidden = !l.m.AskServer
	l.other.Hidden = l.m.AskServer
	l.problem.Set(l.m.Problem)
	l.problem.Hidden = l.m.Problem == ""
	if l.m.Busy {
		l.submit.Set("", say("login.busy"), false)
		l.submit.Disable()
	} else {
		l.submit.Set("", say("login.submit"), false)
		l.submit.Enable()
	}
	l.trustText.Set(say("trust.text", "server", l.m.Server))
	l.print.Set(model.Groups(l.m.Question))
	l.all.Refresh()
}

// middle lays out one column in the middle, no wider than a form may be.
type middle struct{}

func (*middle) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w := min(widget.Size(widget.ColumnWidth)*3/4, size.Width-2*widget.Size(widget.SpaceXL))
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		h := widget.ColumnHeight(o.(*fyne.Container), w)
		o.Move(fyne.NewPos((size.Width-w)/2, max(widget.Size(widget.SpaceL), (size.Height-h)/2)))
		o.Resize(fyne.NewSize(w, h))
	}
}

func (*middle) MinSize(objects []fyne.CanvasObject) fyne.Size {
	for _, o := range objects {
		if o.Visible() {
			w := max(o.Size().Width, widget.Size(widget.ColumnWidth)/2)
			return fyne.NewSize(0, widget.ColumnHeight(o.(*fyne.Container), w)+2*widget.Size(widget.SpaceL))
		}
	}
	return fyne.Size{}
}
