package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// An Action is something to do, as it stands in a menu or on a row.
type Action struct {
	Icon string // name in package assets
	Text string
	Do   func() // nil: it only says something
}

// ShowMenu opens a menu of actions below an object, its right edge along that of
// the object; above it where there is no room below. Without actions nothing
// opens.
func ShowMenu(at fyne.CanvasObject, actions []Action) {
	d := fyne.CurrentApp().Driver()
	c := d.CanvasForObject(at)
	if c == nil {
		return
	}
	showMenu(c, actions, func(size fyne.Size) fyne.Position {
		corner := d.AbsolutePositionForObject(at)
		place := corner.AddXY(at.Size().Width-size.Width, at.Size().Height)
		if place.Y+size.Height > c.Size().Height {
			place.Y = corner.Y - size.Height
		}
		return place
	})
}

// showMenu opens a menu where place says for its size, but inside the window.
func showMenu(c fyne.Canvas, actions []Action, place func(size fyne.Size) fyne.Position) {
	if len(actions) == 0 {
		return
	}
	var items []*fyne.MenuItem
	for _, a := range actions {
		item := fyne.NewMenuItem(a.Text, a.Do)
		if item.Disabled = a.Do == nil; !item.Disabled {
			item.Icon = Icon(a.Icon, ColorText)
		}
		items = append(items, item)
	}
	menu := widget.NewPopUpMenu(fyne.NewMenu("", items...), c)
	menu.ShowAtPosition(inside(c, place(menu.MinSize()), menu.MinSize()))
	for _, item := range items { // the first one that does something is chosen
		menu.ActivateNext()
		if !item.Disabled {
			break
		}
	}
}

// inside moves a place so that what has a size stays in the window.
func inside(c fyne.Canvas, at fyne.Position, size fyne.Size) fyne.Position {
	room, gap := c.Size(), Size(SpaceS)
	return fyne.NewPos(max(gap, min(at.X, room.Width-size.Width-gap)), max(gap, min(at.Y, room.Height-size.Height-gap)))
}
