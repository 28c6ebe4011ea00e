package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// A Banner is a line of words across the page that says what is wrong or what
// was done, with at most one thing to do about it. It is hidden while it has no
// words.
type Banner struct {
	widget.BaseWidget

	OnAction func()
	OnClose  func() // nil: it cannot be closed

	icon   *canvas.Image
	name   string
	color  fyne.ThemeColorName
	words  *Text
	action *Button
	close  *Button
	back   *canvas.Rectangle
	rule   *canvas.Rectangle
}

// NewBanner returns a hidden banner. closeText is what its cross means.
func NewBanner(closeText string) *Banner {
	b := &Banner{icon: picture(), words: NewText("", TextSize, ColorText), back: canvas.NewRectangle(nil), rule: canvas.NewRectangle(nil)}
	b.action = NewButton("", "", Plain, func() {
		if b.OnAction != nil {
			b.OnAction()
		}
	})
	b.close = NewIconButton("close", closeText, func() {
		if b.OnClose != nil {
			b.OnClose()
		}
	})
	b.words.Lines = 3
	b.action.Hide()
	b.ExtendBaseWidget(b)
	b.Hide()
	return b
}

// Set shows words with an icon in a colour, and a button where action is not
// empty. Without words the banner hides. It reports whether its height may have
// changed.
func (b *Banner) Set(words, icon string, color fyne.ThemeColorName, action string) bool {
	changed := b.words.Text != words || b.action.Text != action
	b.name, b.color = icon, color
	b.words.Set(words)
	b.action.Set("", action, false)
	b.action.Hidden = action == ""
	b.close.Hidden = b.OnClose == nil
	b.Hidden = words == ""
	b.Refresh()
	return changed
}

// Words returns what the banner says.
func (b *Banner) Words() string { return b.words.Text }

// room returns how wide the words may be in a banner of width w.
func (b *Banner) room(w float32) float32 {
	w -= 2*Size(SpaceL) + Size(IconSize) + Size(SpaceM)
	if !b.action.Hidden {
		w -= b.action.MinSize().Width + Size(SpaceS)
	}
	if b.OnClose != nil {
		w -= Size(Touch)
	}
	return w
}

// HeightFor returns how high the banner is when it is w wide; 0 while hidden.
func (b *Banner) HeightFor(w float32) float32 {
	if b.Hidden {
		return 0
	}
	return max(Size(RowOne)+Size(SpaceXS), b.words.HeightFor(b.room(w))+2*Size(SpaceS))
}

// MinSize implements fyne.CanvasObject.
func (b *Banner) MinSize() fyne.Size {
	b.ExtendBaseWidget(b)
	return fyne.NewSize(0, b.HeightFor(max(b.Size().Width, Size(ColumnWidth))))
}

// CreateRenderer implements fyne.Widget.
func (b *Banner) CreateRenderer() fyne.WidgetRenderer { return &bannerRenderer{b} }

type bannerRenderer struct{ b *Banner }

func (r *bannerRenderer) Layout(size fyne.Size) {
	b := r.b
	b.back.FillColor, b.rule.FillColor = tint(ColorSurface), tint(ColorLine)
	b.back.Resize(size)
	b.rule.Move(fyne.NewPos(0, size.Height-Size(Hairline)))
	b.rule.Resize(fyne.NewSize(size.Width, Size(Hairline)))
	side := Size(IconSize)
	setIcon(b.icon, b.name, b.color)
	b.icon.Move(fyne.NewPos(Size(SpaceL), (size.Height-side)/2))
	b.icon.Resize(fyne.NewSquareSize(side))
	x := Size(SpaceL) + side + Size(SpaceM)
	w := b.room(size.Width)
	h := b.words.HeightFor(w)
	b.words.Move(fyne.NewPos(x, (size.Height-h)/2))
	b.words.Resize(fyne.NewSize(w, h))
	x = size.Width - Size(SpaceL)
	if b.OnClose != nil {
		x = size.Width - Size(SpaceS) - Size(Touch)
		b.close.Move(fyne.NewPos(x, (size.Height-Size(Touch))/2))
		b.close.Resize(fyne.NewSquareSize(Size(Touch)))
		x -= Size(SpaceS)
	}
	if m := b.action.MinSize(); !b.action.Hidden {
		b.action.Move(fyne.NewPos(x-m.Width, (size.Height-m.Height)/2))
		b.action.Resize(m)
	}
}

func (r *bannerRenderer) MinSize() fyne.Size { return r.b.MinSize() }

func (r *bannerRenderer) Refresh() {
	r.Layout(r.b.Size())
	r.b.back.Refresh()
	r.b.rule.Refresh()
	canvas.Refresh(r.b)
}

func (r *bannerRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.b.back, r.b.rule, r.b.icon, r.b.words, r.b.action, r.b.close}
}

func (r *bannerRenderer) Destroy() {}
