package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"timbre/app/widget"
)

// A page is a title, tools below it, and a list on a card, with words in its
// place where there is nothing to list.
type page struct {
	object fyne.CanvasObject
	title  *widget.Text
	tools  *fyne.Container // its layout knows its height; nil for none
	card   *widget.Plane
	list   fyne.CanvasObject
	empty  *emptiness
	pale   *widget.Pale
}

func newPage(title string, tools *fyne.Container, list fyne.CanvasObject) *page {
	p := &page{title: widget.NewTitle(title), tools: tools, card: widget.NewCard(), list: list, empty: newEmptiness(), pale: widget.NewPale()}
	objects := []fyne.CanvasObject{p.title, p.card, p.list, p.empty.object, p.pale}
	if tools != nil {
		objects = append(objects, tools)
	}
	p.object = container.New(p, objects...)
	return p
}

// show chooses between the list, the words for an empty one, and pale bars for
// one that has not been read.
func (p *page) show(loaded, empty bool, words, icon string) {
	p.pale.Hidden = loaded
	p.empty.set(words, icon)
	p.empty.object.Hidden = !loaded || !empty
	if loaded && !empty {
		p.list.Show()
	} else {
		p.list.Hide()
	}
	p.object.Refresh()
}

// Layout implements fyne.Layout.
func (p *page) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	gap := widget.Size(widget.SpaceXL)
	if narrow := size.Width < widget.Size(widget.Wide)-widget.Size(widget.Side); narrow {
		gap = widget.Size(widget.SpaceS)
	}
	edge := max(gap, widget.Size(widget.SpaceM))
	y := edge
	h := p.title.HeightFor(size.Width)
	p.title.Move(fyne.NewPos(max(gap, widget.Size(widget.SpaceL)), y))
	p.title.Resize(fyne.NewSize(size.Width-2*gap, h))
	y += h + widget.Size(widget.SpaceM)
	if p.tools != nil {
		w := size.Width - 2*gap
		th := p.tools.Layout.(widget.HeightFor).HeightFor(w)
		p.tools.Move(fyne.NewPos(gap, y))
		p.tools.Resize(fyne.NewSize(w, th))
		y += th + widget.Size(widget.SpaceM)
	}
	bottom := gap
	box := fyne.NewSize(size.Width-2*gap, max(0, size.Height-y-bottom))
	in := widget.Size(widget.SpaceXS)
	p.card.Move(fyne.NewPos(gap, y))
	p.card.Resize(box)
	for _, o := range []fyne.CanvasObject{p.list, p.empty.object, p.pale} {
		o.Move(fyne.NewPos(gap+in, y+in))
		o.Resize(fyne.NewSize(max(0, box.Width-2*in), max(0, box.Height-2*in)))
	}
}

// MinSize implements fyne.Layout.
func (p *page) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSquareSize(widget.Size(widget.ColumnWidth) / 2)
}

// emptiness is an icon and words in the middle of a card with nothing on it.
type emptiness struct {
	object *fyne.Container
	icon   *widget.Glyph
	words  *widget.Text
}

func newEmptiness() *emptiness {
	e := &emptiness{icon: widget.NewGlyph(widget.SpaceXL), words: widget.NewText("", widget.TextSize, widget.ColorMuted)}
	e.words.Align = fyne.TextAlignCenter
	e.object = container.New(e, e.icon, e.words)
	return e
}

func (e *emptiness) set(words, icon string) {
	e.words.Set(words)
	e.icon.Set(icon, widget.ColorMuted)
}

// Layout implements fyne.Layout.
func (e *emptiness) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	w := min(widget.Size(widget.ColumnWidth)*2/3, size.Width-2*widget.Size(widget.SpaceL))
	side, h := 2*widget.Size(widget.IconSize), e.words.HeightFor(w)
	y := max(0, (size.Height-side-widget.Size(widget.SpaceM)-h)/2)
	e.icon.Move(fyne.NewPos((size.Width-side)/2, y))
	e.icon.Resize(fyne.NewSquareSize(side))
	e.words.Move(fyne.NewPos((size.Width-w)/2, y+side+widget.Size(widget.SpaceM)))
	e.words.Resize(fyne.NewSize(w, h))
}

// MinSize implements fyne.Layout.
func (e *emptiness) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }
