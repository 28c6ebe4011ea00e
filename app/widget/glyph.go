package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// A Glyph is an icon that says something by itself, without being pressed.
type Glyph struct {
	widget.BaseWidget

	name  string
	color fyne.ThemeColorName
	side  fyne.ThemeSizeName
}

// NewGlyph returns an empty square for an icon.
func NewGlyph(side fyne.ThemeSizeName) *Glyph {
	g := &Glyph{side: side, color: ColorText}
	g.ExtendBaseWidget(g)
	return g
}

// Set shows an icon of package assets, or nothing where name is empty.
func (g *Glyph) Set(name string, color fyne.ThemeColorName) {
	if g.name != name || g.color != color {
		g.name, g.color = name, color
		g.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (g *Glyph) CreateRenderer() fyne.WidgetRenderer {
	r := &glyphRenderer{g, picture()}
	r.Refresh()
	return r
}

type glyphRenderer struct {
	g    *Glyph
	icon *canvas.Image
}

func (r *glyphRenderer) Layout(size fyne.Size)        { r.icon.Resize(size) }
func (r *glyphRenderer) MinSize() fyne.Size           { return fyne.NewSquareSize(Size(r.g.side)) }
func (r *glyphRenderer) Refresh()                     { setIcon(r.icon, r.g.name, r.g.color); canvas.Refresh(r.g) }
func (r *glyphRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.icon} }
func (r *glyphRenderer) Destroy()                     {}

// A Light is a small disc in a colour that says how things stand.
type Light struct {
	widget.BaseWidget

	color fyne.ThemeColorName
}

// NewLight returns a grey light.
func NewLight() *Light {
	l := &Light{color: ColorMuted}
	l.ExtendBaseWidget(l)
	return l
}

// Set changes the colour.
func (l *Light) Set(color fyne.ThemeColorName) {
	if l.color != color {
		l.color = color
		l.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (l *Light) CreateRenderer() fyne.WidgetRenderer {
	r := &lightRenderer{l, canvas.NewCircle(nil)}
	r.Refresh()
	return r
}

type lightRenderer struct {
	l    *Light
	disc *canvas.Circle
}

func (r *lightRenderer) Layout(size fyne.Size)        { r.disc.Resize(size) }
func (r *lightRenderer) MinSize() fyne.Size           { return fyne.NewSquareSize(Size(Dot)) }
func (r *lightRenderer) Refresh()                     { r.disc.FillColor = tint(r.l.color); r.disc.Refresh() }
func (r *lightRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.disc} }
func (r *lightRenderer) Destroy()                     {}

// A Pale is bars where rows will be that are not there yet.
type Pale struct{ widget.BaseWidget }

// NewPale returns pale bars.
func NewPale() *Pale {
	p := &Pale{}
	p.ExtendBaseWidget(p)
	return p
}

// CreateRenderer implements fyne.Widget.
func (p *Pale) CreateRenderer() fyne.WidgetRenderer {
	r := &paleRenderer{p: p}
	for range 6 {
		r.bars = append(r.bars, canvas.NewRectangle(nil))
	}
	return r
}

type paleRenderer struct {
	p    *Pale
	bars []fyne.CanvasObject
}

func (r *paleRenderer) Layout(size fyne.Size) {
	for i, o := range r.bars {
		bar, high := o.(*canvas.Rectangle), Size(SpaceM)
		bar.FillColor, bar.CornerRadius = tint(ColorLine), Size(RadiusRow)
		y := float32(i) * (Size(RowTwo) + Size(SpaceXS))
		bar.Hidden = y+Size(RowTwo) > size.Height
		bar.Move(fyne.NewPos(Size(SpaceXL), y+(Size(RowTwo)-high)/2))
		bar.Resize(fyne.NewSize(max(0, (size.Width-2*Size(SpaceXL))*float32(5-i%3)/8), high))
	}
}

func (r *paleRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r *paleRenderer) Refresh()                     { r.Layout(r.p.Size()); canvas.Refresh(r.p) }
func (r *paleRenderer) Objects() []fyne.CanvasObject { return r.bars }
func (r *paleRenderer) Destroy()                     {}
