package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Labelled puts a label above a field.
func Labelled(label string, field fyne.CanvasObject) fyne.CanvasObject {
	return container.New(&stack{gap: SpaceXS}, NewText(label, TextSize, ColorText), field)
}

// Column puts objects below each other, all as wide as the column, with a gap
// between those that are shown.
func Column(gap fyne.ThemeSizeName, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&stack{gap: gap}, objects...)
}

// stack is the layout of Column. It asks texts how high they are at its width.
type stack struct{ gap fyne.ThemeSizeName }

// HeightFor is what tells a column how high an object is at a width.
type HeightFor interface{ HeightFor(w float32) float32 }

func (s *stack) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		h := heightOf(o, size.Width)
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + Size(s.gap)
	}
}

func heightOf(o fyne.CanvasObject, w float32) float32 {
	switch o := o.(type) {
	case HeightFor:
		return o.HeightFor(w)
	case *fyne.Container:
		switch l := o.Layout.(type) {
		case *stack:
			return l.heightFor(o.Objects, w)
		case *trailing:
			return l.heightFor(o.Objects, w)
		}
	}
	return o.MinSize().Height
}

func (s *stack) heightFor(objects []fyne.CanvasObject, w float32) float32 {
	y := float32(0)
	for _, o := range objects {
		if o.Visible() {
			y += heightOf(o, w) + Size(s.gap)
		}
	}
	return max(0, y-Size(s.gap))
}

func (s *stack) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			m := o.MinSize()
			size.Width = max(size.Width, m.Width)
			size.Height += m.Height + Size(s.gap)
		}
	}
	size.Height = max(0, size.Height-Size(s.gap))
	return size
}

// ColumnHeight returns how high a Column is at a width.
func ColumnHeight(c *fyne.Container, w float32) float32 { return heightOf(c, w) }
