package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// A Dialog is a question over the page: a title, what there is to read or fill
// in, and buttons at the bottom right. Escape is Cancel.
type Dialog struct {
	OnCancel func()
	First    fyne.Focusable // gets the keyboard; nil: the expected button

	canvas  fyne.Canvas
	content *fyne.Container
	popup   *widget.PopUp
}

// NewDialog returns a dialog that is not shown yet. The last button is the one
// to be expected.
func NewDialog(c fyne.Canvas, title string, body []fyne.CanvasObject, buttons ...fyne.CanvasObject) *Dialog {
	d := &Dialog{canvas: c}
	if n := len(buttons); n > 0 {
		d.First, _ = buttons[n-1].(fyne.Focusable)
	}
	parts := append([]fyne.CanvasObject{NewTitle(title)}, body...)
	parts = append(parts, container.New(&trailing{}, buttons...))
	d.content = Column(SpaceM, parts...)
	return d
}

// Show shows the dialog in the middle of its window.
func (d *Dialog) Show() {
	d.popup = widget.NewModalPopUp(Inset(SpaceL, d.content), d.canvas)
	d.Fit()
	d.popup.Show()
	if d.First != nil {
		d.canvas.Focus(d.First)
	}
}

// Fit makes the dialog as large as its contents are now.
func (d *Dialog) Fit() {
	if d.popup == nil {
		return
	}
	w := min(Size(ColumnWidth), d.canvas.Size().Width-2*Size(SpaceL))
	inner := w - 2*Size(SpaceL)
	d.content.Resize(fyne.NewSize(inner, d.content.Size().Height))
	d.popup.Resize(fyne.NewSize(w, ColumnHeight(d.content, inner)+2*Size(SpaceL)))
}

// Hide takes the dialog away.
func (d *Dialog) Hide() {
	if d.popup != nil {
		d.popup.Hide()
		d.popup = nil
	}
}

// Shown reports whether the dialog is on the screen.
func (d *Dialog) Shown() bool { return d.popup != nil }

// Cancel is what escape does.
func (d *Dialog) Cancel() {
	d.Hide()
	if d.OnCancel != nil {
		d.OnCancel()
	}
}

// trailing lays out buttons from the right; where they do not fit side by side
// they stand below each other, the expected one on top.
type trailing struct{}

func (t *trailing) heightFor(o []fyne.CanvasObject, w float32) float32 {
	if t.beside(o) <= w {
		return Size(Touch)
	}
	return float32(len(o))*(Size(Touch)+Size(SpaceS)) - Size(SpaceS)
}

func (*trailing) beside(o []fyne.CanvasObject) float32 {
	w := -Size(SpaceS)
	for _, b := range o {
		w += b.MinSize().Width + Size(SpaceS)
	}
	return w
}

func (t *trailing) Layout(o []fyne.CanvasObject, size fyne.Size) {
	if t.beside(o) <= size.Width {
		x := size.Width
		for i := len(o) - 1; i >= 0; i-- {
			m := o[i].MinSize()
			x -= m.Width
			o[i].Move(fyne.NewPos(x, 0))
			o[i].Resize(m)
			x -= Size(SpaceS)
		}
		return
	}
	for i, b := range o {
		b.Move(fyne.NewPos(0, float32(len(o)-1-i)*(Size(Touch)+Size(SpaceS))))
		b.Resize(fyne.NewSize(size.Width, Size(Touch)))
	}
}

func (t *trailing) MinSize(o []fyne.CanvasObject) fyne.Size {
	w := float32(0)
	for _, b := range o {
		w = max(w, b.MinSize().Width)
	}
	return fyne.NewSize(w, Size(Touch))
}
