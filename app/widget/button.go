package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A ButtonStyle is how much a button asks to be pressed.
type ButtonStyle int

// The styles of buttons.
const (
	Quiet   ButtonStyle = iota // an icon or words on the page, no frame
	Plain                      // framed
	Primary                    // filled in the accent colour: the one thing to do
	Danger                     // filled in the bad colour: hang up, erase
)

// A Button is an icon, words or both, to be clicked or pressed with space or
// enter. Where it has only an icon, Text is still what a screen reader says.
type Button struct {
	widget.BaseWidget

	Icon     string // name in package assets; empty for none
	Text     string
	Style    ButtonStyle
	IconOnly bool
	Round    bool // a disc; the words stand below it
	Small    bool // inside a field
	On       bool // pressed down, of a button that has two states
	OnTapped func()
	OnRune   func(r rune)           // what else is typed on it; nil: the window listens
	OnKey    func(k *fyne.KeyEvent) // the same for keys

	disabled bool
	hovered  bool
	focused  bool
}

// NewButton returns a button with words, and an icon unless its name is empty.
func NewButton(icon, text string, style ButtonStyle, tapped func()) *Button {
	b := &Button{Icon: icon, Text: text, Style: style, OnTapped: tapped}
	b.ExtendBaseWidget(b)
	return b
}

// NewIconButton returns a button with an icon alone. text is said, not shown.
func NewIconButton(icon, text string, tapped func()) *Button {
	b := &Button{Icon: icon, Text: text, IconOnly: true, OnTapped: tapped}
	b.ExtendBaseWidget(b)
	return b
}

// NewRoundButton returns a disc with its words below.
func NewRoundButton(icon, text string, style ButtonStyle, tapped func()) *Button {
	b := &Button{Icon: icon, Text: text, Style: style, Round: true, OnTapped: tapped}
	b.ExtendBaseWidget(b)
	return b
}

// Set changes icon, words and state.
func (b *Button) Set(icon, text string, on bool) {
	if b.Icon == icon && b.Text == text && b.On == on {
		return
	}
	b.Icon, b.Text, b.On = icon, text, on
	b.Refresh()
}

// SetIconOnly leaves the button its icon alone, or brings its words back.
func (b *Button) SetIconOnly(only bool) {
	if b.IconOnly != only {
		b.IconOnly = only
		b.Refresh()
	}
}

// Enable makes the button answer, Disable makes it grey.
func (b *Button) Enable() { b.setDisabled(false) }

// Disable makes the button grey and deaf.
func (b *Button) Disable() { b.setDisabled(true) }

// Disabled implements fyne.Disableable.
func (b *Button) Disabled() bool { return b.disabled }

func (b *Button) setDisabled(d bool) {
	if b.disabled != d {
		b.disabled = d
		b.Refresh()
	}
}

// Tapped implements fyne.Tappable.
func (b *Button) Tapped(*fyne.PointEvent) {
	if !b.disabled && b.OnTapped != nil {
		b.OnTapped()
	}
}

// MouseIn implements desktop.Hoverable.
func (b *Button) MouseIn(*desktop.MouseEvent) { b.hovered = true; b.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (b *Button) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *Button) MouseOut() { b.hovered = false; b.Refresh() }

// FocusGained implements fyne.Focusable.
func (b *Button) FocusGained() { b.focused = true; b.Refresh() }

// FocusLost implements fyne.Focusable.
func (b *Button) FocusLost() { b.focused = false; b.Refresh() }

// TypedRune implements fyne.Focusable.
func (b *Button) TypedRune(r rune) {
	if b.OnRune != nil {
		b.OnRune(r)
	} else {
		typeElsewhere(b, r)
	}
}

// TypedKey implements fyne.Focusable.
func (b *Button) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		b.Tapped(nil)
	default: // escape, and whatever else the window listens to
		if b.OnKey != nil {
			b.OnKey(k)
		} else if c := fyne.CurrentApp().Driver().CanvasForObject(b); c != nil && c.OnTypedKey() != nil {
			c.OnTypedKey()(k)
		}
	}
}

// typeElsewhere gives a letter that o has no use for to whoever the window gives
// such letters to.
func typeElsewhere(o fyne.CanvasObject, r rune) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(o); c != nil && c.OnTypedRune() != nil {
		c.OnTypedRune()(r)
	}
}

// AccessibilityLabel implements fyne.Accessible.
func (b *Button) AccessibilityLabel() string { return b.Text }

// AccessibilityRole implements fyne.Accessible.
func (b *Button) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// CreateRenderer implements fyne.Widget.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	r := &buttonRenderer{
		button: b, back: canvas.NewRectangle(nil), over: canvas.NewRectangle(nil), ring: canvas.NewRectangle(nil),
		icon: picture(), text: newLine(TextSize, ColorText),
	}
	r.Refresh()
	return r
}

type buttonRenderer struct {
	button           *Button
	back, over, ring *canvas.Rectangle
	icon             *canvas.Image
	text             line
}

func (r *buttonRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.over, r.ring, r.icon, r.text.Text}
}

func (r *buttonRenderer) Destroy() {}

func (r *buttonRenderer) MinSize() fyne.Size {
	b := r.button
	switch {
	case b.Round:
		w := max(Size(TouchRound), r.text.width()) + Size(SpaceS)
		return fyne.NewSize(w, Size(TouchRound)+Size(SpaceXS)+r.text.measure("Áj").Height)
	case b.IconOnly && b.Small:
		return fyne.NewSquareSize(Size(SpaceXL))
	case b.IconOnly:
		return fyne.NewSquareSize(Size(Touch))
	}
	w := r.text.width() + 2*Size(SpaceM)
	if b.Icon != "" {
		w += Size(IconSmall) + Size(SpaceS)
	}
	return fyne.NewSize(w, Size(Touch))
}

func (r *buttonRenderer) Layout(size fyne.Size) {
	b, face := r.button, size
	if b.Round {
		face = fyne.NewSquareSize(Size(TouchRound))
	}
	x := (size.Width - face.Width) / 2
	for _, o := range []fyne.CanvasObject{r.back, r.over, r.ring} {
		o.Move(fyne.NewPos(x, 0))
		o.Resize(face)
	}
	side := Size(IconSmall)
	if b.Round {
		side = Size(SpaceXL)
	}
	r.icon.Resize(fyne.NewSquareSize(side))
	middle := (face.Height - side) / 2
	switch {
	case b.Round:
		r.icon.Move(fyne.NewPos((size.Width-side)/2, middle))
		w := min(r.text.width(), size.Width)
		r.text.place((size.Width-w)/2, face.Height+Size(SpaceXS), w+1, size.Height-face.Height-Size(SpaceXS))
	case b.IconOnly:
		r.icon.Move(fyne.NewPos((size.Width-side)/2, middle))
		r.text.place(0, 0, 0, size.Height)
	default:
		w := r.text.width()
		room := size.Width - 2*Size(SpaceS)
		if b.Icon != "" {
			room -= side + Size(SpaceS)
		}
		w = min(w, room)
		left := (size.Width - w) / 2
		if b.Icon != "" {
			left = (size.Width - w - side - Size(SpaceS)) / 2
			r.icon.Move(fyne.NewPos(left, middle))
			left += side + Size(SpaceS)
		}
		r.text.place(left, 0, w+1, size.Height)
	}
}

// colors returns fill, frame and ink of the button as it stands.
func (b *Button) colors() (fill, frame, ink fyne.ThemeColorName) {
	switch {
	case b.disabled:
		if b.Style == Quiet {
			return ColorClear, ColorClear, ColorMuted
		}
		return ColorLine, ColorLine, ColorMuted
	case b.Style == Primary, b.On && b.Style != Danger:
		return ColorAccent, ColorAccent, ColorOnAccent
	case b.Style == Danger:
		return ColorBad, ColorBad, ColorOnBad
	case b.Style == Plain:
		return ColorSurface, ColorLine, ColorText
	case b.IconOnly:
		return ColorClear, ColorClear, ColorMuted
	}
	return ColorClear, ColorClear, ColorText
}

func (r *buttonRenderer) Refresh() {
	b := r.button
	fill, frame, ink := b.colors()
	radius := Size(Radius)
	if b.Round {
		radius = Size(TouchRound) / 2
	}
	r.back.FillColor, r.back.StrokeColor, r.back.StrokeWidth, r.back.CornerRadius = tint(fill), tint(frame), Size(Hairline), radius
	r.over.FillColor, r.over.CornerRadius = tint(ColorClear), radius
	if b.hovered && !b.disabled {
		r.over.FillColor = tint(ColorHover)
	}
	r.ring.FillColor, r.ring.CornerRadius, r.ring.StrokeWidth, r.ring.StrokeColor = tint(ColorClear), radius, 0, tint(ColorClear)
	if b.focused {
		r.ring.StrokeColor, r.ring.StrokeWidth = tint(theme.ColorNameForeground), 2*Size(Hairline)
	}
	setIcon(r.icon, b.Icon, ink)
	words := b.Text
	if b.IconOnly {
		words = ""
	}
	textInk := ink
	r.text.size = TextSize
	if b.Round {
		r.text.size, textInk = TextMuted, ColorText
	}
	r.text.set(words, textInk, b.Style == Primary || b.Style == Danger)
	r.Layout(b.Size())
	for _, o := range []fyne.CanvasObject{r.back, r.over, r.ring} {
		o.Refresh()
	}
	canvas.Refresh(b)
}
