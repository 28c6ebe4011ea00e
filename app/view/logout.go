package view

import (
	"fyne.io/fyne/v2"
	fynewidget "fyne.io/fyne/v2/widget"

	"timbre/app/model"
	"timbre/app/widget"
)

// NewLogout returns the question that is asked before logging out: leaving says
// what it means, and confirm is called with whether to erase the local copy.
func NewLogout(c fyne.Canvas, words *model.Phrasebook, leaving string, confirm func(wipe bool)) *widget.Dialog {
	wipe := fynewidget.NewCheck(words.Say("logout.wipe"), nil)
	wipe.SetChecked(true)
	text := widget.NewText(leaving, widget.TextSize, widget.ColorText)
	var d *widget.Dialog
	d = widget.NewDialog(c, words.Say("logout.title"), []fyne.CanvasObject{text, wipe},
		widget.NewButton("", words.Say("logout.cancel"), widget.Plain, func() { d.Cancel() }),
		widget.NewButton("", words.Say("logout.confirm"), widget.Primary, func() {
			d.Hide()
			confirm(wipe.Checked)
		}))
	return d
}
