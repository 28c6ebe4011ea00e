package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	fynewidget "fyne.io/fyne/v2/widget"

	"timbre/app/model"
	"timbre/app/widget"
)

// controls are the buttons of a call. The bar, the page and the window of an
// incoming call each have their own set, made the same way.
type controls struct {
	mute, keypad, answer, decline, hangup *widget.Button
	words                                 *model.Phrasebook
}

func newControls(m *model.Phone, words *model.Phrasebook, button func(icon, text string, style widget.ButtonStyle, tapped func()) *widget.Button, keypad func()) controls {
	say := words.Say
	return controls{
		words:   words,
		mute:    button("mic", say("call.mute"), widget.Plain, m.ToggleMute),
		keypad:  button("keypad", say("call.keypad"), widget.Plain, keypad),
		answer:  button("call", say("call.answer"), widget.Primary, m.Answer),
		decline: button("hangup", say("call.decline"), widget.Danger, m.Decline),
		hangup:  button("hangup", say("call.hangup"), widget.Danger, m.Hangup),
	}
}

func (c controls) set(t *model.Talk) {
	say := c.words.Say
	if t.Muted {
		c.mute.Set("micoff", say("call.unmute"), true)
	} else {
		c.mute.Set("mic", say("call.mute"), false)
	}
	for _, b := range []*widget.Button{c.mute, c.keypad} {
		if t.Active {
			b.Enable()
		} else {
			b.Disable()
		}
		b.Hidden = t.Ringing || t.Over
	}
	c.answer.Hidden, c.decline.Hidden, c.hangup.Hidden = !t.Ringing, !t.Ringing, t.Ringing
	if t.Over {
		c.hangup.Style = widget.Plain
		c.hangup.Set("close", say("call.close"), false)
	} else {
		c.hangup.Style = widget.Danger
		c.hangup.Set("hangup", say("call.hangup"), false)
	}
}

// padlock is the icon for what protects a call.
func padlock(t *model.Talk) (icon string, color fyne.ThemeColorName) {
	switch {
	case t.Padlock == "":
		return "", widget.ColorMuted
	case t.Locked:
		return "lock", widget.ColorGood
	}
	return "unlock", widget.ColorWarn
}

func stateColor(t *model.Talk) fyne.ThemeColorName {
	switch {
	case t.Problem:
		return widget.ColorBad
	case t.Active:
		return widget.ColorGood
	}
	return widget.ColorMuted
}

// A CallBar is the line at the bottom of a wide window during a call.
type CallBar struct {
	Object *fyne.Container

	m     *model.Phone
	ctl   controls
	back  *widget.Plane
	rule  *widget.Plane
	lock  *widget.Glyph
	name  *widget.Text
	under *widget.Text
	state *widget.Text
	lockT *widget.Text
	pad   *fynewidget.PopUp
	tones *widget.Text
}

// NewCallBar returns the bar of m.
func NewCallBar(m *model.Phone, words *model.Phrasebook) *CallBar {
	b := &CallBar{m: m}
	b.ctl = newControls(m, words, widget.NewButton, b.showKeypad)
	b.back, b.rule = widget.NewPlane(widget.ColorSurface), widget.NewPlane(widget.ColorLine)
	b.lock = widget.NewGlyph(widget.IconSize)
	b.name, b.under = widget.NewText("", widget.TextSize, widget.ColorText), widget.NewText("", widget.TextMuted, widget.ColorMuted)
	b.name.Bold = true
	b.name.Lines, b.under.Lines = 1, 1
	b.state, b.lockT = widget.NewText("", widget.TextSize, widget.ColorMuted), widget.NewText("", widget.TextMuted, widget.ColorMuted)
	b.state.Lines, b.lockT.Lines = 2, 1
	b.tones = widget.NewText("", widget.TextNumber, widget.ColorText)
	b.tones.Align = fyne.TextAlignCenter
	b.Object = container.New(b, b.back, b.rule, b.lock, b.name, b.under, b.state, b.lockT, b.ctl.mute, b.ctl.keypad, b.ctl.answer, b.ctl.decline, b.ctl.hangup)
	b.Refresh()
	return b
}

// Refresh draws the model; the bar hides while there is no call.
func (b *CallBar) Refresh() {
	t := b.m.Talk
	b.Object.Hidden = t == nil
	if t == nil || !t.Active {
		b.hideKeypad()
	}
	if t == nil {
		return
	}
	b.lock.Set(padlock(t))
	b.name.Set(t.Name)
	b.under.Set(t.Under)
	b.lockT.Set(t.Padlock)
	b.tones.Set(t.Digits)
	b.ctl.set(t)
	b.Tick()
	b.Object.Refresh()
}

// Tick draws the duration alone.
func (b *CallBar) Tick() {
	if t := b.m.Talk; t != nil {
		b.state.Color = stateColor(t)
		b.state.Set(t.State)
		b.state.Refresh()
	}
}

// Height returns how high the bar is.
func (b *CallBar) Height() float32 { return widget.Size(widget.RowTwo) + widget.Size(widget.SpaceS) }

// Layout implements fyne.Layout.
func (b *CallBar) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	gap := widget.Size(widget.SpaceM)
	b.back.Resize(size)
	b.rule.Resize(fyne.NewSize(size.Width, widget.Size(widget.Hairline)))
	right := size.Width - widget.Size(widget.SpaceL)
	for _, o := range []*widget.Button{b.ctl.hangup, b.ctl.decline, b.ctl.answer, b.ctl.keypad, b.ctl.mute} {
		if !o.Visible() {
			continue
		}
		s := o.MinSize()
		right -= s.Width
		o.Move(fyne.NewPos(right, (size.Height-s.Height)/2))
		o.Resize(s)
		right -= widget.Size(widget.SpaceS)
	}
	left := widget.Size(widget.SpaceL)
	if t := b.m.Talk; t != nil && t.Padlock != "" {
		side := widget.Size(widget.IconSize)
		b.lock.Move(fyne.NewPos(left, (size.Height-side)/2))
		b.lock.Resize(fyne.NewSquareSize(side))
		left += side + gap
	}
	room := max(0, right-left-gap)
	first := min(max(b.name.Width(), b.under.Width())+1, room/2)
	two(b.name, b.under, left, first, size.Height)
	two(b.state, b.lockT, left+first+widget.Size(widget.SpaceXL), max(0, room-first-widget.Size(widget.SpaceXL)), size.Height)
}

// two places two lines of text one above the other, or one in the middle.
func two(a, b *widget.Text, x, w, height float32) {
	ha, hb := a.HeightFor(w), b.HeightFor(w)
	if b.Text == "" {
		hb = 0
	}
	y := (height - ha - hb) / 2
	a.Move(fyne.NewPos(x, y))
	a.Resize(fyne.NewSize(w, ha))
	b.Move(fyne.NewPos(x, y+ha))
	b.Resize(fyne.NewSize(w, hb))
}

// MinSize implements fyne.Layout.
func (b *CallBar) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, b.Height()) }

// showKeypad opens the keys above their button, or closes them.
func (b *CallBar) showKeypad() {
	if b.pad != nil && b.pad.Visible() {
		b.hideKeypad()
		return
	}
	c := fyne.CurrentApp().Driver().CanvasForObject(b.Object)
	if c == nil {
		return
	}
	b.pad = fynewidget.NewPopUp(widget.Inset(widget.SpaceM, widget.Column(widget.SpaceS, b.tones, widget.NewKeypad(b.m.Press))), c)
	size := b.pad.MinSize()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(b.ctl.keypad)
	at.X = min(at.X, c.Size().Width-size.Width-widget.Size(widget.SpaceS))
	at.Y -= size.Height + widget.Size(widget.SpaceS)
	b.pad.ShowAtPosition(at)
}

func (b *CallBar) hideKeypad() {
	if b.pad != nil {
		b.pad.Hide()
		b.pad = nil
	}
}

// A CallPage fills a narrow window during a call.
type CallPage struct {
	Object *fyne.Container

	m                         *model.Phone
	ctl                       controls
	back                      *widget.Plane
	face                      *widget.Glyph
	lock                      *widget.Glyph
	name, under, state, lockT *widget.Text
	tones                     *widget.Text
	keys                      *widget.Keypad
	open                      bool // the keys are shown
}

// NewCallPage returns the page of m.
func NewCallPage(m *model.Phone, words *model.Phrasebook) *CallPage {
	p := &CallPage{m: m, back: widget.NewPlane(widget.ColorSurface), face: widget.NewGlyph(widget.TouchRound), lock: widget.NewGlyph(widget.IconSmall)}
	p.ctl = newControls(m, words, widget.NewRoundButton, func() { p.open = !p.open; p.Refresh() })
	centred := func(size fyne.ThemeSizeName, color fyne.ThemeColorName) *widget.Text {
		t := widget.NewText("", size, color)
		t.Align = fyne.TextAlignCenter
		return t
	}
	p.face.Set("user", widget.ColorMuted)
	p.name, p.under = centred(widget.TextName, widget.ColorText), centred(widget.TextSize, widget.ColorMuted)
	p.name.Bold = true
	p.name.Lines = 2
	p.state = centred(widget.TextTitle, widget.ColorMuted)
	p.lockT = widget.NewText("", widget.TextMuted, widget.ColorMuted)
	p.tones = centred(widget.TextNumber, widget.ColorText)
	p.keys = widget.NewKeypad(m.Press)
	p.Object = container.New(p, p.back, p.face, p.name, p.under, p.state, p.lock, p.lockT, p.tones, p.keys, p.ctl.mute, p.ctl.keypad, p.ctl.answer, p.ctl.decline, p.ctl.hangup)
	p.Refresh()
	return p
}

// Refresh draws the model; the page hides while there is no call.
func (p *CallPage) Refresh() {
	t := p.m.Talk
	p.Object.Hidden = t == nil
	if t == nil {
		p.open = false
		return
	}
	p.open = p.open && t.Active
	p.name.Set(t.Name)
	p.under.Set(t.Under)
	p.lock.Set(padlock(t))
	p.lockT.Set(t.Padlock)
	p.tones.Set(t.Digits)
	p.ctl.set(t)
	p.ctl.keypad.Set("keypad", p.ctl.keypad.Text, p.open)
	p.keys.Hidden, p.tones.Hidden, p.face.Hidden = !p.open, !p.open, p.open
	p.Tick()
	p.Object.Refresh()
}

// Tick draws the duration alone.
func (p *CallPage) Tick() {
	if t := p.m.Talk; t != nil {
		p.state.Color = stateColor(t)
		p.state.Set(t.State)
		p.state.Refresh()
	}
}

// Layout implements fyne.Layout.
func (p *CallPage) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	p.back.Resize(size)
	gap := widget.Size(widget.SpaceL)
	w, x := size.Width-2*gap, gap
	y := widget.Size(widget.SpaceXL)
	if !p.open {
		y = size.Height / 10
		side := widget.Size(widget.TouchRound)
		p.face.Move(fyne.NewPos((size.Width-side)/2, y))
		p.face.Resize(fyne.NewSquareSize(side))
		y += side + gap
	}
	for _, t := range []*widget.Text{p.name, p.under, p.state} {
		if t.Text == "" {
			t.Resize(fyne.Size{})
			continue
		}
		h := t.HeightFor(w)
		t.Move(fyne.NewPos(x, y))
		t.Resize(fyne.NewSize(w, h))
		y += h + widget.Size(widget.SpaceXS)
	}
	y += widget.Size(widget.SpaceXS)
	side, text := widget.Size(widget.IconSmall), min(p.lockT.Width()+1, w-widget.Size(widget.IconSmall)-widget.Size(widget.SpaceS))
	left := (size.Width - side - widget.Size(widget.SpaceS) - text) / 2
	h := p.lockT.HeightFor(text)
	p.lock.Move(fyne.NewPos(left, y+(h-side)/2))
	p.lock.Resize(fyne.NewSquareSize(side))
	p.lockT.Move(fyne.NewPos(left+side+widget.Size(widget.SpaceS), y))
	p.lockT.Resize(fyne.NewSize(text, h))
	y += h + gap

	foot := p.ctl.hangup.MinSize().Height
	bottom := size.Height - foot - widget.Size(widget.SpaceXL)
	p.across([]*widget.Button{p.ctl.decline, p.ctl.answer, p.ctl.hangup}, bottom, size.Width)
	middle := bottom - foot - gap
	p.across([]*widget.Button{p.ctl.mute, p.ctl.keypad}, middle, size.Width)
	if p.open {
		th := p.tones.HeightFor(w)
		p.tones.Move(fyne.NewPos(x, y))
		p.tones.Resize(fyne.NewSize(w, th))
		y += th + widget.Size(widget.SpaceS)
		kw := min(w, widget.Size(widget.ColumnWidth)/2+gap)
		p.keys.Move(fyne.NewPos((size.Width-kw)/2, y))
		p.keys.Resize(fyne.NewSize(kw, max(p.keys.MinSize().Height, min(middle-gap-y, widget.Size(widget.ColumnWidth)/2))))
	}
}

// across spreads the buttons that are shown over the width.
func (p *CallPage) across(buttons []*widget.Button, y, width float32) {
	n := 0
	for _, b := range buttons {
		if b.Visible() {
			n++
		}
	}
	cell := min(width/float32(max(n, 2)), 2*widget.Size(widget.TouchRound)+widget.Size(widget.SpaceL))
	x := (width - cell*float32(n)) / 2
	for _, b := range buttons {
		if b.Visible() {
			m := b.MinSize()
			b.Move(fyne.NewPos(x+(cell-m.Width)/2, y))
			b.Resize(m)
			x += cell
		}
	}
}

// MinSize implements fyne.Layout.
func (p *CallPage) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

// An Incoming is what stands in the small window of an incoming call.
type Incoming struct {
	Object *fyne.Container

	m                  *model.Phone
	ctl                controls
	back               *widget.Plane
	face               *widget.Glyph
	name, under, state *widget.Text
}

// NewIncoming returns the contents of the window for m.
func NewIncoming(m *model.Phone, words *model.Phrasebook) *Incoming {
	i := &Incoming{m: m, back: widget.NewPlane(widget.ColorSurface), face: widget.NewGlyph(widget.RowOne)}
	i.ctl = newControls(m, words, widget.NewButton, nil)
	i.face.Set("user", widget.ColorMuted)
	i.name, i.under = widget.NewText("", widget.TextTitle, widget.ColorText), widget.NewText("", widget.TextSize, widget.ColorMuted)
	i.name.Bold = true
	i.name.Lines, i.under.Lines = 2, 1
	i.state = widget.NewText(words.Say("call.incoming"), widget.TextMuted, widget.ColorAccent)
	i.Object = container.New(i, i.back, i.face, i.state, i.name, i.under, i.ctl.answer, i.ctl.decline)
	i.Refresh()
	return i
}

// Refresh draws the model.
func (i *Incoming) Refresh() {
	if t := i.m.Talk; t != nil {
		i.name.Set(t.Name)
		i.under.Set(t.Under)
		i.ctl.set(t)
		i.Object.Refresh()
	}
}

// Layout implements fyne.Layout.
func (i *Incoming) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	gap := widget.Size(widget.SpaceL)
	i.back.Resize(size)
	side := widget.Size(widget.RowOne)
	i.face.Move(fyne.NewPos(gap, gap+widget.Size(widget.SpaceS)))
	i.face.Resize(fyne.NewSquareSize(side))
	x, y := gap+side+gap, gap
	w := size.Width - x - gap
	for _, t := range []*widget.Text{i.state, i.name, i.under} {
		h := t.HeightFor(w)
		t.Move(fyne.NewPos(x, y))
		t.Resize(fyne.NewSize(w, h))
		y += h + widget.Size(widget.SpaceXS)/2
	}
	high := widget.Size(widget.RowOne)
	half := (size.Width - 2*gap - widget.Size(widget.SpaceM)) / 2
	top := size.Height - high - gap
	i.ctl.decline.Move(fyne.NewPos(gap, top))
	i.ctl.decline.Resize(fyne.NewSize(half, high))
	i.ctl.answer.Move(fyne.NewPos(size.Width-gap-half, top))
	i.ctl.answer.Resize(fyne.NewSize(half, high))
}

// MinSize implements fyne.Layout.
func (i *Incoming) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }
