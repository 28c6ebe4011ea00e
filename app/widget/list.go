package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// A List is a list of Rows, worked by pointer and keyboard alike: arrows move,
// enter or space opens, delete deletes, the menu key shows what there is to do.
type List struct {
	widget.List

	OnOpen   func(i int) // a click, enter or space
	KeysOpen bool        // a click does not open, it only moves the highlight
	OnDelete func(i int)
	OnNear   func(i int) // row i came into sight

	current int
	focused bool
	shown   *Row // shows the current entry, unless that is scrolled away
	extra   int  // entry that is higher than the others; -1 for none
	high    float32
}

// NewList returns a list of count entries; data tells what one shows, extra what
// stands below an open one, nil where there is nothing.
func NewList(count func() int, data func(i int) RowData, extra func(i int) fyne.CanvasObject) *List {
	l := &List{extra: -1}
	l.Length = count
	l.HideSeparators = true
	l.CreateItem = func() fyne.CanvasObject { return NewRow() }
	l.UpdateItem = func(i widget.ListItemID, o fyne.CanvasObject) {
		if i >= count() {
			return
		}
		r := o.(*Row)
		r.Extra = nil
		if extra != nil {
			r.Extra = extra(i)
		}
		r.OnOpen = func() {
			l.take(i)
			if !l.KeysOpen {
				l.open(i)
			}
		}
		d := data(i)
		if l.current == i {
			l.shown, d.Active = r, l.focused
		}
		r.Set(d)
		if l.OnNear != nil {
			l.OnNear(i)
		}
	}
	l.OnHighlighted = func(i widget.ListItemID) {
		if l.focused { // a pointer that only passes is no move
			l.move(i)
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

// SetHigh makes entry i higher than the others, and none where i is -1.
func (l *List) SetHigh(i int, height float32) {
	if l.extra == i && l.high == height {
		return
	}
	if old := l.extra; old >= 0 {
		l.extra = -1
		l.SetItemHeight(old, Size(RowTwo))
	}
	l.extra, l.high = i, height
	if i >= 0 {
		l.SetItemHeight(i, height)
	}
}

// FocusGained implements fyne.Focusable.
func (l *List) FocusGained() {
	l.focused = true
	l.List.FocusGained()
}

// FocusLost implements fyne.Focusable.
func (l *List) FocusLost() {
	l.focused = false
	l.List.FocusLost()
}

// TypedKey implements fyne.Focusable.
func (l *List) TypedKey(k *fyne.KeyEvent) {
	if l.current >= l.Length() {
		l.current = max(0, l.Length()-1)
	}
	if l.Length() == 0 {
		return
	}
	switch k.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		l.open(l.current)
	case fyne.KeyDelete:
		if l.OnDelete != nil {
			l.OnDelete(l.current)
		}
	case desktop.KeyMenu:
		if l.shown != nil {
			l.shown.PopUp()
		}
	default:
		l.List.TypedKey(k)
	}
}

func (l *List) open(i int) {
	if l.OnOpen != nil && i < l.Length() {
		l.OnOpen(i)
	}
}

// take moves focus and highlight to entry i.
func (l *List) take(i int) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(l); c != nil {
		c.Focus(l)
	}
	l.Highlight(i)
}

func (l *List) move(i int) {
	old := l.current
	l.current = i
	if old != i {
		l.RefreshItem(old)
	}
	l.RefreshItem(i)
}
