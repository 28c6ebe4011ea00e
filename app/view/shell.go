package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"timbre/app/model"
	"timbre/app/widget"
)

// A Place is one entry of the navigation.
type Place struct {
	Icon, Text, Short string // Short stands in the bottom bar
	Page              fyne.CanvasObject
	Badge             func() int
}

// A Shell is the frame around the pages: top bar, lines of notice, navigation
// at the side or at the bottom, call bar or call page. It changes between wide
// and compact with the width of the window.
type Shell struct {
	Object   *fyne.Container
	Box      *widget.NumberBox
	OnLogout func()
	OnPlace  func(i int) // a page was chosen

	standing *model.Standing
	phone    *model.Phone
	words    *model.Phrasebook
	places   []Place
	shown    int
	wide     bool

	top, side, bottom             *widget.Plane
	topRule, sideRule, bottomRule *widget.Plane
	light                         *widget.Light
	state                         *widget.Text
	user                          *widget.Button
	group                         *widget.Text
	sideItems, bottomItems        []*widget.NavItem
	more                          *widget.NavItem
	line, trouble, notice         *widget.Banner
	bar                           *CallBar
	page                          *CallPage
}

// NewShell returns the frame; the first place is shown.
func NewShell(standing *model.Standing, phone *model.Phone, words *model.Phrasebook, places []Place) *Shell {
	say := words.Say
	s := &Shell{standing: standing, phone: phone, words: words, places: places, wide: true}
	s.Box = widget.NewNumberBox(say("number.box"), say("number.erase"), say("number.call"))
	s.Box.OnDial = func(text string) {
		if phone.Dial(text) {
			s.Box.SetText("")
		}
	}
	s.top, s.side, s.bottom = widget.NewPlane(widget.ColorSurface), widget.NewPlane(widget.ColorSurface), widget.NewPlane(widget.ColorSurface)
	s.topRule, s.sideRule, s.bottomRule = widget.NewPlane(widget.ColorLine), widget.NewPlane(widget.ColorLine), widget.NewPlane(widget.ColorLine)
	s.light, s.state = widget.NewLight(), widget.NewText("", widget.TextSize, widget.ColorText)
	s.state.Lines = 1
	s.user = widget.NewButton("user", "", widget.Quiet, func() { s.menu(s.user) })
	s.group = widget.NewText(say("nav.home"), widget.TextMuted, widget.ColorMuted)
	s.group.Bold = true
	s.more = widget.NewNavItem("more", say("nav.more"), true, func() { s.menu(s.more) })
	s.line, s.trouble, s.notice = widget.NewBanner(say("notice.close")), widget.NewBanner(say("notice.close")), widget.NewBanner(say("notice.close"))
	s.line.OnClose, s.trouble.OnClose = standing.CloseLine, phone.CloseProblem
	s.bar, s.page = NewCallBar(phone, words), NewCallPage(phone, words)

	objects := []fyne.CanvasObject{widget.NewPlane(widget.ColorPage), s.top, s.topRule, s.side, s.sideRule, s.bottom, s.bottomRule, s.light, s.state, s.Box, s.user, s.group}
	for i, p := range places {
		choose := func() { s.Show(i) }
		s.sideItems = append(s.sideItems, widget.NewNavItem(p.Icon, p.Text, false, choose))
		s.bottomItems = append(s.bottomItems, widget.NewNavItem(p.Icon, p.Short, true, choose))
		objects = append(objects, s.sideItems[i], s.bottomItems[i], p.Page)
	}
	objects = append(objects, s.more, s.line, s.trouble, s.notice, s.bar.Object, s.page.Object)
	s.Object = container.New(s, objects...)
	s.Show(0)
	s.Refresh()
	return s
}

// Show shows the i-th page.
func (s *Shell) Show(i int) {
	s.shown = i
	if s.OnPlace != nil {
		s.OnPlace(i)
	}
	s.RefreshBadges()
	s.Object.Refresh()
}

// Shown returns which page is shown.
func (s *Shell) Shown() int { return s.shown }

// RefreshBadges draws the navigation.
func (s *Shell) RefreshBadges() {
	for i, p := range s.places {
		n := p.Badge()
		s.sideItems[i].Set(i == s.shown, n)
		s.bottomItems[i].Set(i == s.shown, n)
	}
}

// lights are the colours of the registration.
var lights = map[model.Light]fyne.ThemeColorName{
	model.Dark: widget.ColorMuted, model.Red: widget.ColorBad, model.Amber: widget.ColorWarn, model.Green: widget.ColorGood,
}

// Refresh draws standing and phone.
func (s *Shell) Refresh() {
	st := s.standing
	s.light.Set(lights[st.Light])
	s.state.Set(st.State)
	s.user.Set("user", st.Account.Name, false)
	icon, color := "info", widget.ColorAccent
	if st.Warns() {
		icon, color = "warning", widget.ColorWarn
	}
	s.line.Set(st.Line, icon, color, "")
	s.trouble.Set(s.phone.Problem, "warning", widget.ColorBad, "")
	s.bar.Refresh()
	s.page.Refresh()
	s.Object.Refresh()
}

// Tick draws the duration of the call.
func (s *Shell) Tick() {
	s.bar.Tick()
	s.page.Tick()
}

// HideKeypad takes the keys of the call away.
func (s *Shell) HideKeypad() {
	s.bar.HideKeypad()
	s.page.HideKeypad()
	s.Object.Refresh()
}

// SetNotice shows words at the foot of the page, with a button where action is
// not empty; without words it hides them.
func (s *Shell) SetNotice(words, icon, action string, do, shut func()) {
	s.notice.OnAction, s.notice.OnClose = do, shut
	s.notice.Set(words, icon, widget.ColorMuted, action)
	s.Object.Refresh()
}

// menu opens the user's menu at an object.
func (s *Shell) menu(at fyne.CanvasObject) {
	account := s.standing.Account
	widget.ShowMenu(at, []widget.Action{
		{Text: account.Name},
		{Text: s.words.Say("user.extension", "number", string(account.Extension))},
		{Icon: "logout", Text: s.words.Say("user.logout"), Do: func() { s.OnLogout() }},
	})
}

// Layout implements fyne.Layout.
func (s *Shell) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	s.wide = size.Width >= widget.Size(widget.Wide)
	objects[0].Move(fyne.Position{})
	objects[0].Resize(size)
	covered := !s.wide && s.phone.Talk != nil
	s.uncover(covered)
	setVisible(s.bar.Object, s.wide && s.phone.Talk != nil)
	setVisible(s.page.Object, covered)
	s.Box.SetNarrow(!s.wide)

	y := s.layoutTop(size.Width)
	for _, b := range []*widget.Banner{s.line, s.trouble} {
		h := b.HeightFor(size.Width)
		b.Move(fyne.NewPos(0, y))
		b.Resize(fyne.NewSize(size.Width, h))
		y += h
	}
	foot := size.Height
	if s.wide {
		if s.bar.Object.Visible() {
			foot -= s.bar.Height()
			s.bar.Object.Move(fyne.NewPos(0, foot))
			s.bar.Object.Resize(fyne.NewSize(size.Width, s.bar.Height()))
		}
	} else {
		foot = s.layoutBottom(size)
		s.page.Object.Move(fyne.Position{})
		s.page.Object.Resize(size)
	}
	left := float32(0)
	if s.wide {
		left = s.layoutSide(y, foot)
	}
	h := s.notice.HeightFor(size.Width - left)
	s.notice.Move(fyne.NewPos(left, foot-h))
	s.notice.Resize(fyne.NewSize(size.Width-left, h))
	for _, p := range s.places {
		p.Page.Move(fyne.NewPos(left, y))
		p.Page.Resize(fyne.NewSize(size.Width-left, max(0, foot-h-y)))
	}
}

// uncover shows what belongs to the width of the window; nothing below a call
// page that covers all, so that no key reaches it.
func (s *Shell) uncover(covered bool) {
	for i, p := range s.places {
		setVisible(s.sideItems[i], s.wide)
		setVisible(s.bottomItems[i], !s.wide && !covered)
		setVisible(p.Page, i == s.shown && !covered)
	}
	for _, o := range []fyne.CanvasObject{s.side, s.sideRule, s.group, s.state, s.user} {
		setVisible(o, s.wide)
	}
	for _, o := range []fyne.CanvasObject{s.bottom, s.bottomRule, s.more} {
		setVisible(o, !s.wide && !covered)
	}
	for _, o := range []fyne.CanvasObject{s.top, s.topRule, s.light, s.Box} {
		setVisible(o, !covered)
	}
	for _, b := range []*widget.Banner{s.line, s.trouble, s.notice} {
		setVisible(b, b.Words() != "" && !covered)
	}
}

func setVisible(o fyne.CanvasObject, v bool) {
	if o.Visible() != v {
		if v {
			o.Show()
		} else {
			o.Hide()
		}
	}
}

// layoutTop places the top bar and returns where it ends.
func (s *Shell) layoutTop(width float32) float32 {
	gap, dot := widget.Size(widget.SpaceL), widget.Size(widget.Dot)
	high := widget.Size(widget.RowTwo) + widget.Size(widget.SpaceS)
	s.top.Resize(fyne.NewSize(width, high))
	s.topRule.Move(fyne.NewPos(0, high-widget.Size(widget.Hairline)))
	s.topRule.Resize(fyne.NewSize(width, widget.Size(widget.Hairline)))
	s.light.Move(fyne.NewPos(gap, (high-dot)/2))
	s.light.Resize(fyne.NewSquareSize(dot))
	box := s.Box.MinSize().Height
	left := gap + dot + gap
	if !s.wide {
		s.Box.Move(fyne.NewPos(left-widget.Size(widget.SpaceXS), (high-box)/2))
		s.Box.Resize(fyne.NewSize(width-left-widget.Size(widget.SpaceS), box))
		return high
	}
	h := s.state.HeightFor(width)
	textLeft := gap + dot + widget.Size(widget.SpaceS)
	s.state.Move(fyne.NewPos(textLeft, (high-h)/2))
	s.state.Resize(fyne.NewSize(widget.Size(widget.StateWidth), h))
	u := s.user.MinSize()
	u.Width = min(u.Width, width/4)
	s.user.Move(fyne.NewPos(width-u.Width-widget.Size(widget.SpaceS), (high-u.Height)/2))
	s.user.Resize(u)
	left = max(widget.Size(widget.Side), textLeft+widget.Size(widget.StateWidth)) + widget.Size(widget.SpaceXL)
	w := min(width-u.Width-left-2*gap, widget.Size(widget.BoxWidth)+widget.Size(widget.WhenWidth))
	s.Box.Move(fyne.NewPos(left, (high-box)/2))
	s.Box.Resize(fyne.NewSize(w, box))
	return high
}

// layoutSide places the navigation at the left and returns where it ends.
func (s *Shell) layoutSide(top, bottom float32) float32 {
	width, gap := widget.Size(widget.Side), widget.Size(widget.SpaceS)
	s.side.Move(fyne.NewPos(0, top))
	s.side.Resize(fyne.NewSize(width, bottom-top))
	s.sideRule.Move(fyne.NewPos(width-widget.Size(widget.Hairline), top))
	s.sideRule.Resize(fyne.NewSize(widget.Size(widget.Hairline), bottom-top))
	y := top + widget.Size(widget.SpaceL)
	h := s.group.HeightFor(width)
	s.group.Move(fyne.NewPos(gap+widget.Size(widget.SpaceM), y))
	s.group.Resize(fyne.NewSize(width, h))
	y += h + gap
	for _, n := range s.sideItems {
		m := n.MinSize()
		n.Move(fyne.NewPos(gap, y))
		n.Resize(fyne.NewSize(width-2*gap, m.Height))
		y += m.Height + widget.Size(widget.SpaceXS)
	}
	return width
}

// layoutBottom places the navigation at the bottom and returns where it begins.
func (s *Shell) layoutBottom(size fyne.Size) float32 {
	high := widget.Size(widget.RowTwo)
	y := size.Height - high
	s.bottom.Move(fyne.NewPos(0, y))
	s.bottom.Resize(fyne.NewSize(size.Width, high))
	s.bottomRule.Move(fyne.NewPos(0, y))
	s.bottomRule.Resize(fyne.NewSize(size.Width, widget.Size(widget.Hairline)))
	items := append(append([]*widget.NavItem{}, s.bottomItems...), s.more)
	w := size.Width / float32(len(items))
	for i, n := range items {
		n.Move(fyne.NewPos(float32(i)*w, y))
		n.Resize(fyne.NewSize(w, high))
	}
	return y
}

// MinSize implements fyne.Layout: the smallest window that shows everything.
func (s *Shell) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(widget.Size(widget.MinWidth), widget.Size(widget.MinHeight))
}
