package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	fynewidget "fyne.io/fyne/v2/widget"

	"timbre/app/model"
	"timbre/app/widget"
)

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
		b.HideKeypad()
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
		b.HideKeypad()
		return
	}
	c := fyne.CurrentApp().Driver().CanvasForObject(b.Object)
	if c == nil {
		return
	}
	keys := widget.NewKeypad(b.m.Press)
	keys.OnClose = b.HideKeypad
	b.pad = fynewidget.NewPopUp(widget.Inset(widget.SpaceM, widget.Column(widget.SpaceS, b.tones, keys)), c)
	size := b.pad.MinSize()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(b.ctl.keypad)
	at.X = min(at.X, c.Size().Width-size.Width-widget.Size(widget.SpaceS))
	at.Y -= size.Height + widget.Size(widget.SpaceS)
	b.pad.ShowAtPosition(at)
	keys.Focus()
}

// HideKeypad takes the keys away.
func (b *CallBar) HideKeypad() {
	if b.pad != nil {
		b.pad.Hide()
		b.pad = nil
	}
}
