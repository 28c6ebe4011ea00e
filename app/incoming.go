package app

import (
	"fyne.io/fyne/v2"

	"timbre/app/desktop"
	"timbre/app/model"
	"timbre/app/view"
	"timbre/app/widget"
)

// An incomingWindow is the small window of an incoming call: at the bottom
// right, on top of others, never focused by itself. It exists only while a call
// rings.
type incomingWindow struct {
	d      *shell
	m      *model.Phone
	window fyne.Window // nil while no call rings
	page   *view.Incoming
}

func newIncomingWindow(d *shell, m *model.Phone) *incomingWindow {
	return &incomingWindow{d: d, m: m}
}

// refresh opens, draws or closes the window as the phone stands.
func (i *incomingWindow) refresh() {
	switch ringing := i.m.Talk != nil && i.m.Talk.Ringing; {
	case !ringing:
		i.close()
	case i.window == nil:
		i.open()
	default:
		i.page.Refresh()
	}
}

func (i *incomingWindow) open() {
	i.page = view.NewIncoming(i.m, i.d.words)
	w := i.d.app.NewWindow(i.d.words.Say("call.incoming"))
	i.window = w
	w.SetCloseIntercept(i.m.Decline)
	desktop.ShowQuietly(w, i.page.Object, fyne.NewSize(sizes[widget.IncomingWidth], sizes[widget.IncomingHeight]))
}

func (i *incomingWindow) close() {
	if i.window != nil {
		w := i.window
		i.window = nil
		w.SetCloseIntercept(nil)
		w.Close()
	}
}
