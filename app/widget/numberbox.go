package widget

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// bigText is the theme of the number box: the same, with larger letters.
type bigText struct{ fyne.Theme }

func (b bigText) Size(n fyne.ThemeSizeName) float32 {
	if n == theme.SizeNameText {
		return b.Theme.Size(TextNumber)
	}
	return b.Theme.Size(n)
}

// A NumberBox is the field for a number with its dial button. Enter dials; while
// the box is empty, dialling means to type a number first.
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
	if strings.TrimSpace(n.entry.Text) == "" {
		n.Focus()
		return
	}
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
