package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// tapIcon is an icon that is tapped. It leaves hovering to the row around it.
type tapIcon struct {
	widget.BaseWidget
	name   string
	lit    bool
	tapped func()
}

func newTapIcon() *tapIcon {
	t := &tapIcon{}
	t.ExtendBaseWidget(t)
	return t
}

// Tapped implements fyne.Tappable.
func (t *tapIcon) Tapped(*fyne.PointEvent) {
	if t.tapped != nil {
		t.tapped()
	}
}

func (t *tapIcon) CreateRenderer() fyne.WidgetRenderer {
	return &tapIconRenderer{t, canvas.NewRectangle(nil), picture()}
}

type tapIconRenderer struct {
	t    *tapIcon
	back *canvas.Rectangle
	icon *canvas.Image
}

func (r *tapIconRenderer) Layout(size fyne.Size) {
	r.back.CornerRadius, r.back.FillColor = Size(Radius), tint(ColorClear)
	ink := ColorMuted
	if r.t.lit {
		r.back.FillColor, ink = theme.Color(ColorHover), ColorText
	}
	r.back.Resize(size)
	side := Size(IconSmall)
	r.icon.Move(fyne.NewPos((size.Width-side)/2, (size.Height-side)/2))
	r.icon.Resize(fyne.NewSquareSize(side))
	setIcon(r.icon, r.t.name, ink)
}

func (r *tapIconRenderer) MinSize() fyne.Size { return fyne.NewSquareSize(Size(Touch)) }
func (r *tapIconRenderer) Refresh()           { r.Layout(r.t.Size()); r.back.Refresh(); canvas.Refresh(r.t) }
func (r *tapIconRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.icon}
}
func (r *tapIconRenderer) Destroy() {}
