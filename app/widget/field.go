package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// An Entry is a field of one line that tells of enter, escape and leaving.
type Entry struct {
	widget.Entry

	OnEscape func()
	OnLeave  func()
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

// TypedKey implements fyne.Focusable.
func (e *Entry) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape && e.OnEscape != nil {
		e.OnEscape()
		return
	}
	e.Entry.TypedKey(k)
}

// FocusLost implements fyne.Focusable.
func (e *Entry) FocusLost() {
	e.Entry.FocusLost()
	if e.OnLeave != nil {
		e.OnLeave()
	}
}

// Labelled puts a label above a field.
func Labelled(label string, field fyne.CanvasObject) fyne.CanvasObject {
	return container.New(&stack{gap: SpaceXS}, NewText(label, TextSize, ColorText), field)
}

// Column puts objects below each other, all as wide as the column, with a gap
// between those that are shown.
func Column(gap fyne.ThemeSizeName, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&stack{gap: gap}, objects...)
}

// stack is the layout of Column. It asks texts how high they are at its width.
type stack struct{ gap fyne.ThemeSizeName }

// HeightFor is what tells a column how high an object is at a width.
type HeightFor interface{ HeightFor(w float32) float32 }

func (s *stack) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		h := heightOf(o, size.Width)
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + Size(s.gap)
	}
}

func heightOf(o fyne.CanvasObject, w float32) float32 {
	switch o := o.(type) {
	case HeightFor:
		return o.HeightFor(w)
	case *fyne.Container:
		switch l := o.Layout.(type) {
		case *stack:
			return l.heightFor(o.Objects, w)
		case *trailing:
			return l.heightFor(o.Objects, w)
		}
	}
	return o.MinSize().Height
}

func (s *stack) heightFor(objects []fyne.CanvasObject, w float32) float32 {
	y := float32(0)
	for _, o := range objects {
		if o.Visible() {
			y += heightOf(o, w) + Size(s.gap)
		}
	}
	return max(0, y-Size(s.gap))
}

func (s *stack) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if o.Visible() {
			m := o.MinSize()
			size.Width = max(size.Width, m.Width)
			size.Height += m.Height + Size(s.gap)
		}
	}
	size.Height = max(0, size.Height-Size(s.gap))
	return size
}

// ColumnHeight returns how high a Column is at a width.
func ColumnHeight(c *fyne.Container, w float32) float32 { return heightOf(c, w) }

// bigText is the theme of the number box: the same, with larger letters.
type bigText struct{ fyne.Theme }

func (b bigText) Size(n fyne.ThemeSizeName) float32 {
	if n == theme.SizeNameText {
		return b.Theme.Size(TextNumber)
	}
	return b.Theme.Size(n)
}

// A NumberBox is the field for a number with its dial button. Enter dials.
type NumberBox struct {
	widget.BaseWidget

	OnDial func(text string)

	entry  *Entry
	erase  *Button
	call   *Button
	box    *container.ThemeOverride
	narrow bool
}

// NewNumberBox returns an empty box; the words are its example, what the erase
// key means, and what stands on the button.
func NewNumberBox(example, erase, call string) *NumberBox {
	n := &NumberBox{}
	n.entry = NewEntry(example, n.dial)
	n.erase = NewIconButton("backspace", erase, func() {
		if r := []rune(n.entry.Text); len(r) > 0 {
			n.SetText(string(r[:len(r)-1]))
		}
	})
	n.erase.Hide()
	n.entry.ActionItem = n.erase
	n.entry.OnChanged = func(text string) {
		n.erase.Hidden = text == ""
		n.erase.Refresh()
	}
	n.entry.OnEscape = func() { n.SetText("") }
	n.call = NewButton("call", call, Primary, n.dial)
	n.box = container.NewThemeOverride(n.entry, bigText{theme.Current()})
	n.ExtendBaseWidget(n)
	return n
}

func (n *NumberBox) dial() {
	if n.OnDial != nil {
		n.OnDial(n.entry.Text)
	}
}

// SetText puts a number into the box.
func (n *NumberBox) SetText(text string) {
	n.entry.SetText(text)
	n.entry.CursorColumn = len([]rune(text))
	n.entry.Refresh()
}

// Text returns what stands in the box.
func (n *NumberBox) Text() string { return n.entry.Text }

// Focus moves the keyboard to the box.
func (n *NumberBox) Focus() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(n); c != nil {
		c.Focus(n.entry)
	}
}

// SetNarrow leaves the button its icon alone.
func (n *NumberBox) SetNarrow(narrow bool) {
	if n.narrow != narrow {
		n.narrow = narrow
		n.call.SetIconOnly(narrow)
		n.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (n *NumberBox) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.New(&boxLayout{}, n.box, n.call))
}

// boxLayout puts a field and the button behind it side by side.
type boxLayout struct{}

func (*boxLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	b := o[1].MinSize()
	h := o[0].MinSize().Height
	o[0].Move(fyne.NewPos(0, (size.Height-h)/2))
	o[0].Resize(fyne.NewSize(size.Width-b.Width-Size(SpaceS), h))
	o[1].Move(fyne.NewPos(size.Width-b.Width, (size.Height-h)/2))
	o[1].Resize(fyne.NewSize(b.Width, h))
}

func (*boxLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(a.Width+b.Width+Size(SpaceS), max(a.Height, b.Height))
}
