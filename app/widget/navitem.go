package widget

import (
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A NavItem is one page in the navigation, with a badge that counts what is new.
// It lies in the side bar, or stands in the bottom bar.
type NavItem struct {
	widget.BaseWidget

	OnTapped func()

	icon, text string
	upright    bool
	chosen     bool
	badge      int
	hovered    bool
	focused    bool
}

// NewNavItem returns an item; upright puts the words below the icon.
func NewNavItem(icon, text string, upright bool, tapped func()) *NavItem {
	n := &NavItem{icon: icon, text: text, upright: upright, OnTapped: tapped}
	n.ExtendBaseWidget(n)
	return n
}

// Set says whether the page is shown and what the badge counts; 0 is no badge.
func (n *NavItem) Set(chosen bool, badge int) {
	if n.chosen != chosen || n.badge != badge {
		n.chosen, n.badge = chosen, badge
		n.Refresh()
	}
}

// Tapped implements fyne.Tappable.
func (n *NavItem) Tapped(*fyne.PointEvent) {
	if n.OnTapped != nil {
		n.OnTapped()
	}
}

// MouseIn implements desktop.Hoverable.
func (n *NavItem) MouseIn(*desktop.MouseEvent) { n.hovered = true; n.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (n *NavItem) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (n *NavItem) MouseOut() { n.hovered = false; n.Refresh() }

// FocusGained implements fyne.Focusable.
func (n *NavItem) FocusGained() { n.focused = true; n.Refresh() }

// FocusLost implements fyne.Focusable.
func (n *NavItem) FocusLost() { n.focused = false; n.Refresh() }

// TypedRune implements fyne.Focusable.
func (n *NavItem) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (n *NavItem) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		n.Tapped(nil)
	}
}

// AccessibilityLabel implements fyne.Accessible.
func (n *NavItem) AccessibilityLabel() string {
	if n.badge > 0 {
		return n.text + " " + strconv.Itoa(n.badge)
	}
	return n.text
}

// AccessibilityRole implements fyne.Accessible.
func (n *NavItem) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// CreateRenderer implements fyne.Widget.
func (n *NavItem) CreateRenderer() fyne.WidgetRenderer {
	r := &navRenderer{n: n, back: canvas.NewRectangle(nil), pill: canvas.NewRectangle(nil), icon: picture(), text: newLine(TextSize, ColorText), count: newLine(TextMuted, ColorOnAccent)}
	r.Refresh()
	return r
}

type navRenderer struct {
	n           *NavItem
	back, pill  *canvas.Rectangle
	icon        *canvas.Image
	text, count line
}

func (r *navRenderer) MinSize() fyne.Size {
	if r.n.upright {
		return fyne.NewSize(Size(TouchRound), Size(RowTwo))
	}
	return fyne.NewSize(Size(Touch), Size(RowOne))
}

func (r *navRenderer) Refresh() { r.Layout(r.n.Size()); canvas.Refresh(r.n) }

func (r *navRenderer) Layout(size fyne.Size) {
	n, side := r.n, Size(IconSize)
	ink := ColorMuted
	r.back.FillColor, r.back.CornerRadius = tint(ColorClear), Size(RadiusRow)
	if n.hovered {
		r.back.FillColor = theme.Color(ColorHover)
	}
	if n.chosen {
		ink = ColorAccent
		if !n.upright {
			r.back.FillColor = theme.Color(ColorSelected)
		}
	}
	r.back.StrokeColor, r.back.StrokeWidth = tint(ColorClear), 0
	if n.focused {
		r.back.StrokeColor, r.back.StrokeWidth = tint(ColorAccent), Size(Hairline)
	}
	r.back.Resize(size)
	setIcon(r.icon, n.icon, ink)
	r.icon.Resize(fyne.NewSquareSize(side))
	pill := r.badge()
	if n.upright {
		r.icon.Move(fyne.NewPos((size.Width-side)/2, Size(SpaceS)))
		r.text.size = TextMuted
		r.text.set(n.text, ink, n.chosen)
		w := min(r.text.width(), size.Width)
		r.text.place((size.Width-w)/2, Size(SpaceS)+side+Size(SpaceXS)/2, w+1, Size(SpaceL)+Size(SpaceXS))
		r.putBadge(fyne.NewPos(size.Width/2+side/2+Size(SpaceXS)/2, Size(SpaceXS)), pill)
	} else {
		r.icon.Move(fyne.NewPos(Size(SpaceM), (size.Height-side)/2))
		words := ColorText
		if n.chosen {
			words = ColorAccent
		}
		r.text.size = TextSize
		r.text.set(n.text, words, n.chosen)
		left := Size(SpaceM) + side + Size(SpaceM)
		right := size.Width - Size(SpaceM)
		if n.badge > 0 {
			right -= pill.Width + Size(SpaceS)
		}
		r.text.place(left, 0, right-left, size.Height)
		r.putBadge(fyne.NewPos(size.Width-Size(SpaceM)-pill.Width, (size.Height-pill.Height)/2), pill)
	}
	r.back.Refresh()
}

// badge returns the size of the badge.
func (r *navRenderer) badge() fyne.Size {
	text := strconv.Itoa(r.n.badge)
	if r.n.badge > 99 {
		text = "99+"
	}
	if r.n.badge == 0 {
		text = ""
	}
	r.count.set(text, ColorOnAccent, true)
	h := Size(SpaceL) + Size(SpaceXS)/2
	return fyne.NewSize(max(h, r.count.width()+Size(SpaceS)+Size(SpaceXS)), h)
}

func (r *navRenderer) putBadge(at fyne.Position, size fyne.Size) {
	r.pill.FillColor, r.pill.CornerRadius = tint(ColorAccent), size.Height/2
	r.pill.Hidden = r.n.badge == 0
	r.pill.Move(at)
	r.pill.Resize(size)
	r.pill.Refresh()
	w := r.count.width()
	r.count.place(at.X+(size.Width-w)/2, at.Y, w+1, size.Height)
}

func (r *navRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.icon, r.text.Text, r.pill, r.count.Text}
}

func (r *navRenderer) Destroy() {}
