package view

import (
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"

	"timbre/app/model"
	"timbre/app/widget"
)

// NewSave returns the question where to put a file: a folder and a name. save is
// called with the path; a file that is there is replaced only when the user has
// been told so.
func NewSave(c fyne.Canvas, words *model.Phrasebook, folder, name string, save func(path string)) *widget.Dialog {
	var d *widget.Dialog
	told := "" // the path that the user knows will be replaced
	problem := widget.NewText("", widget.TextSize, widget.ColorBad)
	problem.Hide()
	button := widget.NewButton("download", words.Say("save.confirm"), widget.Primary, nil)
	dir, file := widget.NewEntry("", nil), widget.NewEntry("", nil)
	dir.SetText(folder)
	file.SetText(name)
	complain := func(text string) {
		problem.Set(text)
		problem.Show()
		d.Fit()
	}
	submit := func() {
		path := filepath.Join(dir.Text, filepath.Base(file.Text))
		info, err := os.Stat(filepath.Dir(path))
		switch {
		case err != nil:
			complain(words.Words(err))
			return
		case !info.IsDir() || file.Text == "":
			complain(words.Words(os.ErrNotExist))
			return
		}
		if _, err := os.Stat(path); err == nil && told != path {
			told = path
			button.Set("download", words.Say("save.replaceConfirm"), false)
			complain(words.Say("save.replace"))
			return
		}
		d.Hide()
		save(path)
	}
	button.OnTapped = submit
	dir.OnSubmitted = func(string) { submit() }
	file.OnSubmitted = func(string) { submit() }
	d = widget.NewDialog(c, words.Say("save.title"), []fyne.CanvasObject{
		widget.Labelled(words.Say("save.file"), file), widget.Labelled(words.Say("save.folder"), dir), problem,
	}, widget.NewButton("", words.Say("save.cancel"), widget.Plain, func() { d.Cancel() }), button)
	dir.OnEscape, file.OnEscape = d.Cancel, d.Cancel
	return d
}
