package view

import (
	"io/fs"
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
	return newSave(c, words, folder, name, save).dialog
}

// A save is that question while it is asked.
type save struct {
	words        *model.Phrasebook
	dialog       *widget.Dialog
	folder, file *widget.Entry
	problem      *widget.Text
	button       *widget.Button
	told         string // the path of which the user knows that it will be replaced
	done         func(path string)
}

func newSave(c fyne.Canvas, words *model.Phrasebook, folder, name string, done func(path string)) *save {
	s := &save{words: words, problem: widget.NewText("", widget.TextSize, widget.ColorBad), done: done}
	s.problem.Hide()
	s.folder, s.file = widget.NewEntry("", s.submit), widget.NewEntry("", s.submit)
	s.folder.SetText(folder)
	s.file.SetText(name)
	s.button = widget.NewButton("download", words.Say("save.confirm"), widget.Primary, s.submit)
	s.dialog = widget.NewDialog(c, words.Say("save.title"), []fyne.CanvasObject{
		widget.Labelled(words.Say("save.file"), s.file), widget.Labelled(words.Say("save.folder"), s.folder), s.problem,
	}, widget.NewButton("", words.Say("save.cancel"), widget.Plain, func() { s.dialog.Cancel() }), s.button)
	s.dialog.First = s.file
	s.folder.OnEscape, s.file.OnEscape = s.dialog.Cancel, s.dialog.Cancel
	return s
}

// submit saves, or says why not yet.
func (s *save) submit() {
	path := filepath.Join(s.folder.Text, filepath.Base(s.file.Text))
	info, err := os.Stat(s.folder.Text)
	switch {
	case err != nil:
		s.complain(s.words.Words(err))
		return
	case !info.IsDir() || s.file.Text == "":
		s.complain(s.words.Words(fs.ErrNotExist))
		return
	}
	if _, err := os.Stat(path); err == nil && s.told != path {
		s.told = path
		s.button.Set("download", s.words.Say("save.replaceConfirm"), false)
		s.complain(s.words.Say("save.replace"))
		return
	}
	s.dialog.Hide()
	s.done(path)
}

func (s *save) complain(text string) {
	s.problem.Set(text)
	s.problem.Show()
	s.dialog.Fit()
}
