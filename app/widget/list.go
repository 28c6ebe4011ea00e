package widget

import (
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// A List is a list of Rows, worked by pointer and keyboard alike: arrows move,
// enter or space opens, delete deletes, the menu key shows what there is to do.
type List struct {
	widget.List

	KeyOf    func(i int) string // what entry i is known by when others come and go; empty for a heading; nil: its place
	OnOpen   func(i int)        // a click; nil: it only moves the highlight
	OnEnter  func(i int)        // enter or space; nil: the same as a click
	OnEscape func()
	OnDelete func(i int)
	OnNear   func(i int) // row i came into sight

	current int    // the entry that keys act on
	held    string // what that is known by; empty before there is one
	marked  int    // the entry that the list below highlights
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
			if l.OnOpen != nil && i < l.Length() {
				l.OnOpen(i)
			}
		}
		d := data(i)
		switch {
		case l.current == i:
			l.shown, d.Active = r, l.focused
		case l.shown == r: // it shows another entry now
			l.shown = nil
		}
		r.Set(d)
		if l.OnNear != nil {
			l.OnNear(i)
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

// Refresh draws the entries as they are now; the highlight stays with its entry.
func (l *List) Refresh() {
	l.follow()
	l.List.Refresh()
}

// FocusGained implements fyne.Focusable.
func (l *List) FocusGained() {
	l.focused = true
	l.follow()
	l.List.FocusGained()
}

// FocusLost implements fyne.Focusable.
func (l *List) FocusLost() {
	l.focused = false
	l.List.FocusLost()
}

// TypedRune implements fyne.Focusable: letters are for whoever the window gives
// them to.
func (l *List) TypedRune(r rune) { typeElsewhere(l, r) }

// TypedKey implements fyne.Focusable.
func (l *List) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape && l.OnEscape != nil {
		l.OnEscape()
		return
	}
	l.follow()
	if l.held == "" || l.Length() == 0 {
		return
	}
	switch k.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if l.OnEnter != nil {
			l.OnEnter(l.current)
		} else if l.OnOpen != nil {
			l.OnOpen(l.current)
		}
	case fyne.KeyDelete:
		if l.OnDelete != nil {
			l.OnDelete(l.current)
		}
	case desktop.KeyMenu:
		if l.shown != nil {
			l.shown.PopUp()
		}
	case fyne.KeyDown:
		l.step(l.current+1, 1)
	case fyne.KeyUp:
		l.step(l.current-1, -1)
	}
}

// key returns what entry i is known by.
func (l *List) key(i int) string {
	if l.KeyOf != nil {
		return l.KeyOf(i)
	}
	return strconv.Itoa(i)
}

// seek returns the first entry from i on that is no heading, or -1.
func (l *List) seek(i, by int) int {
	for ; i >= 0 && i < l.Length(); i += by {
		if l.key(i) != "" {
			return i
		}
	}
	return -1
}

// step moves the highlight to the first entry from i on, and its heading into
// sight.
func (l *List) step(i, by int) {
	if i = l.seek(i, by); i < 0 {
		return
	}
	if i > 0 && l.key(i-1) == "" {
		l.ScrollTo(i - 1)
	}
	l.move(i)
}

// follow finds the current entry again after others came or went; where it is
// gone itself, the one in its place takes over. What is in sight stays there.
func (l *List) follow() {
	n := l.Length()
	if n == 0 {
		return
	}
	at := min(l.current, n-1)
	if l.held == "" || l.key(at) != l.held {
		found := l.find(l.held)
		if found < 0 {
			found = l.seek(at, 1)
		}
		if found < 0 {
			found = l.seek(at, -1)
		}
		at = found
	}
	if at < 0 {
		l.held = ""
		return
	}
	if at != l.current || at != l.marked || l.held != l.key(at) {
		offset := l.GetScrollOffset()
		l.move(at)
		l.ScrollToOffset(offset)
	}
}

// find returns the entry that is known by key, or -1.
func (l *List) find(key string) int {
	for i := range l.Length() {
		if key != "" && l.key(i) == key {
			return i
		}
	}
	return -1
}

// take moves focus and highlight to entry i.
func (l *List) take(i int) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(l); c != nil {
		c.Focus(l)
	}
	l.move(i)
}

// move makes entry i the current one and brings it into sight.
func (l *List) move(i int) {
	l.current, l.held, l.marked = i, l.key(i), i
	l.Highlight(i)
}
