package widget

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// keys of a telephone, in the order in which they lie.
const keys = "123456789*0#"

// A Keypad is the twelve keys of a telephone.
type Keypad struct {
	widget.BaseWidget

	OnPress func(key rune)
	OnClose func() // escape
}

// NewKeypad returns a keypad.
func NewKeypad(press func(key rune)) *Keypad {
	k := &Keypad{OnPress: press}
	k.ExtendBaseWidget(k)
	return k
}

// CreateRenderer implements fyne.Widget.
func (k *Keypad) CreateRenderer() fyne.WidgetRenderer {
	grid := container.New(&keyGrid{})
	for _, key := range keys {
		b := NewButton("", string(key), Plain, func() { k.OnPress(key) })
		b.OnRune, b.OnKey = k.TypedRune, k.TypedKey
		grid.Add(b)
	}
	return widget.NewSimpleRenderer(grid)
}

// Focus moves the keyboard to the keypad.
func (k *Keypad) Focus() {
	if c := fyne.CurrentApp().Driver().CanvasForObject(k); c != nil {
		c.Focus(k)
	}
}

// FocusGained implements fyne.Focusable.
func (k *Keypad) FocusGained() {}

// FocusLost implements fyne.Focusable.
func (k *Keypad) FocusLost() {}

// TypedRune implements fyne.Focusable: a key that is typed is one that is
// pressed.
func (k *Keypad) TypedRune(r rune) {
	if strings.ContainsRune(keys, r) {
		k.OnPress(r)
	}
}

// TypedKey implements fyne.Focusable.
func (k *Keypad) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape && k.OnClose != nil {
		k.OnClose()
	}
}

// keyGrid lays out the keys in three columns of equal size.
type keyGrid struct{}

func (*keyGrid) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	gap := Size(SpaceS)
	w, h := (size.Width-2*gap)/3, (size.Height-3*gap)/4
	for i, o := range objects {
		o.Move(fyne.NewPos(float32(i%3)*(w+gap), float32(i/3)*(h+gap)))
		o.Resize(fyne.NewSize(w, h))
	}
}

func (*keyGrid) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(3*Size(TouchRound)+2*Size(SpaceS), 4*Size(Touch)+3*Size(SpaceS))
}
