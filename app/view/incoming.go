package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"timbre/app/model"
	"timbre/app/widget"
)

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
	i.ctl.answer.Move(fyne.NewPos(gap, top))
	i.ctl.answer.Resize(fyne.NewSize(half, high))
	i.ctl.decline.Move(fyne.NewPos(size.Width-gap-half, top))
	i.ctl.decline.Resize(fyne.NewSize(half, high))
}

// MinSize implements fyne.Layout.
func (i *Incoming) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }
