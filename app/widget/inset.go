package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Inset puts room of a size around an object.
func Inset(room fyne.ThemeSizeName, o fyne.CanvasObject) *fyne.Container {
	return container.New(&inset{room}, o)
}

// inset is the layout of one object with room around it.
type inset struct{ room fyne.ThemeSizeName }

func (i *inset) Layout(o []fyne.CanvasObject, size fyne.Size) {
	r := Size(i.room)
	o[0].Move(fyne.NewSquareOffsetPos(r))
	o[0].Resize(size.SubtractWidthHeight(2*r, 2*r))
}

func (i *inset) MinSize(o []fyne.CanvasObject) fyne.Size {
	r := Size(i.room)
	return o[0].MinSize().AddWidthHeight(2*r, 2*r)
}
