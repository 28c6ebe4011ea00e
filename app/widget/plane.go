package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// A Plane is an area in a colour of the theme, with or without rounded corners
// and a hairline around it. It follows the theme when that changes.
type Plane struct {
	widget.BaseWidget

	Color  fyne.ThemeColorName
	Frame  fyne.ThemeColorName // empty for none
	Radius fyne.ThemeSizeName  // empty for sharp corners
}

// NewPlane returns a plain area.
func NewPlane(color fyne.ThemeColorName) *Plane {
	p := &Plane{Color: color}
	p.ExtendBaseWidget(p)
	return p
}

// NewCard returns an area on which a list or a form lies.
func NewCard() *Plane {
	p := &Plane{Color: ColorSurface, Frame: ColorLine, Radius: Radius}
	p.ExtendBaseWidget(p)
	return p
}

// CreateRenderer implements fyne.Widget.
func (p *Plane) CreateRenderer() fyne.WidgetRenderer {
	r := &planeRenderer{p, canvas.NewRectangle(nil)}
	r.Refresh()
	return r
}

type planeRenderer struct {
	p    *Plane
	rect *canvas.Rectangle
}

func (r *planeRenderer) Layout(size fyne.Size) { r.rect.Resize(size) }
func (r *planeRenderer) MinSize() fyne.Size    { return fyne.Size{} }
func (r *planeRenderer) Refresh() {
	r.rect.FillColor, r.rect.StrokeColor, r.rect.StrokeWidth, r.rect.CornerRadius = tint(r.p.Color), tint(ColorClear), 0, 0
	if r.p.Frame != "" {
		r.rect.StrokeColor, r.rect.StrokeWidth = tint(r.p.Frame), Size(Hairline)
	}
	if r.p.Radius != "" {
		r.rect.CornerRadius = Size(r.p.Radius)
	}
	r.rect.Refresh()
}
func (r *planeRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }
func (r *planeRenderer) Destroy()                     {}
