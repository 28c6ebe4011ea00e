package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// An Entry is a field of one line that tells of enter and escape.
type Entry struct {
	widget.Entry

	OnEscape func()
}

// NewEntry returns an empty field. example is shown while it is empty; enter
// calls submit.
func NewEntry(example string, submit func()) *Entry {
	e := &Entry{}
	e.PlaceHolder = example
	e.Wrapping = fyne.TextWrap(fyne.TextTruncateClip) // what is too long scrolls
	e.OnSubmitted = func(string) {
		if submit != nil {
			submit()
		}
	}
	e.ExtendBaseWidget(e)
	return e
}

// NewSecret returns a field whose text is hidden, with an eye to show it.
func NewSecret(submit func()) *Entry {
	e := NewEntry("", submit)
	e.Password = true
	return e
}

// Focus moves the keyboard to the field, with all that stands in it selected.
func (e *Entry) Focus() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(e); c != nil {
		c.Focus(e)
		e.TypedShortcut(&fyne.ShortcutSelectAll{})
	}
}

// TypedKey implements fyne.Focusable.
func (e *Entry) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape && e.OnEscape != nil {
		e.OnEscape()
		return
	}
	e.Entry.TypedKey(k)
}
