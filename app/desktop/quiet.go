// Package desktop is the system around the window: what a window manager is
// asked for that Fyne has no words for. Package app calls it, on the goroutine
// of the window.
package desktop

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	fynedesktop "fyne.io/fyne/v2/driver/desktop"
	"github.com/go-gl/glfw/v3.4/glfw"
)

// ShowQuietly shows a new window of a fixed size at the bottom right of the
// screen, above others, without taking the keyboard from whoever has it. Where
// the system decides alone (Wayland) it is shown where the system wants it.
// content becomes the content of w.
func ShowQuietly(w fyne.Window, content fyne.CanvasObject, size fyne.Size) {
	w.SetPadded(false)
	w.SetFixedSize(true)
	// A window that does not exist yet cannot be told anything, and once it is
	// shown it is too late. In between, Fyne lays out its content.
	w.SetContent(container.New(&beforeShown{do: func() bool { return neverFocus(w) }}, content))
	w.Resize(size)
	if d, ok := w.(fynedesktop.Window); ok {
		d.RequestAlwaysOnTop()
		if x, y, ok := corner(size); ok {
			d.RequestPosition(x, y)
		}
	}
	glfw.WindowHint(glfw.FocusOnShow, glfw.False)
	defer glfw.WindowHint(glfw.FocusOnShow, glfw.True)
	w.Show()
}

// margin is the room between the window and the edges of the screen, in pixels.
const margin = 24

// corner returns where a window of a size stands at the bottom right of the
// main screen, in pixels, beside panels.
func corner(size fyne.Size) (x, y int, ok bool) {
	m := glfw.GetPrimaryMonitor()
	if m == nil {
		return 0, 0, false
	}
	scale, _ := m.GetContentScale()
	left, top, width, height := m.GetWorkarea()
	return left + width - int(size.Width*scale) - margin, top + height - int(size.Height*scale) - margin, true
}

// beforeShown is a layout that does something whenever it is asked, until that
// could be done.
type beforeShown struct {
	do   func() bool
	done bool
}

// Layout implements fyne.Layout.
func (b *beforeShown) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Resize(size)
	if !b.done {
		b.done = b.do()
	}
}

// MinSize implements fyne.Layout.
func (*beforeShown) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[0].MinSize() }
