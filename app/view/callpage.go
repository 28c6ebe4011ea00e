package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"timbre/app/model"
	"timbre/app/widget"
)

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
	p.ctl = newControls(m, words, widget.NewRoundButton, func() { p.setOpen(!p.open) })
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
	p.keys.OnClose = p.HideKeypad
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

// setOpen shows the keys and gives them the keyboard, or hides them.
func (p *CallPage) setOpen(open bool) {
	p.open = open
	p.Refresh()
	if p.open {
		p.keys.Focus()
	}
}

// HideKeypad hides the keys.
func (p *CallPage) HideKeypad() {
	if p.open {
		p.setOpen(false)
	}
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
	p.across([]*widget.Button{p.ctl.answer, p.ctl.decline, p.ctl.hangup}, bottom, size.Width)
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
