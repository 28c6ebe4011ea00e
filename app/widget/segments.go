package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A Segments is a row of words of which one is chosen, by pointer or with the
// arrow keys.
type Segments struct {
	widget.BaseWidget

	OnChoose func(i int)

	words   []string
	chosen  int
	focused bool
}

// NewSegments returns the words with the first one chosen.
func NewSegments(words []string, choose func(i int)) *Segments {
	s := &Segments{words: words, OnChoose: choose}
	s.ExtendBaseWidget(s)
	return s
}

// Choose chooses the i-th word without telling anybody.
func (s *Segments) Choose(i int) {
	if i != s.chosen && i >= 0 && i < len(s.words) {
		s.chosen = i
		s.Refresh()
	}
}

func (s *Segments) choose(i int) {
	if i == s.chosen || i < 0 || i >= len(s.words) {
		return
	}
	s.Choose(i)
	if s.OnChoose != nil {
		s.OnChoose(i)
	}
}

// Tapped implements fyne.Tappable.
func (s *Segments) Tapped(e *fyne.PointEvent) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(s); c != nil {
		c.Focus(s)
	}
	for i, x := range s.edges(s.Size().Width) {
		if e.Position.X < x {
			s.choose(i)
			return
		}
	}
}

// FocusGained implements fyne.Focusable.
func (s *Segments) FocusGained() { s.focused = true; s.Refresh() }

// FocusLost implements fyne.Focusable.
func (s *Segments) FocusLost() { s.focused = false; s.Refresh() }

// TypedRune implements fyne.Focusable.
func (s *Segments) TypedRune(rune) {}

// TypedKey implements fyne.Focusable.
func (s *Segments) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyLeft:
		s.choose(s.chosen - 1)
	case fyne.KeyRight:
		s.choose(s.chosen + 1)
	}
}

// AccessibilityLabel implements fyne.Accessible.
func (s *Segments) AccessibilityLabel() string { return s.words[s.chosen] }

// AccessibilityRole implements fyne.Accessible.
func (s *Segments) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (s *Segments) natural(i int) float32 {
	return fyne.MeasureText(s.words[i], Size(TextSize), fyne.TextStyle{Bold: true}).Width
}

// edges returns where each word's part of the width ends: each gets the same
// room around it.
func (s *Segments) edges(width float32) []float32 {
	total := float32(0)
	for i := range s.words {
		total += s.natural(i)
	}
	room := (width - total) / float32(len(s.words))
	x, edges := float32(0), make([]float32, len(s.words))
	for i := range s.words {
		x += s.natural(i) + room
		edges[i] = x
	}
	return edges
}

// MinSize implements fyne.CanvasObject.
func (s *Segments) MinSize() fyne.Size {
	s.ExtendBaseWidget(s)
	w := float32(0)
	for i := range s.words {
		w += s.natural(i) + 2*Size(SpaceS)
	}
	return fyne.NewSize(w, Size(Touch))
}

// CreateRenderer implements fyne.Widget.
func (s *Segments) CreateRenderer() fyne.WidgetRenderer {
	r := &segmentsRenderer{s: s, frame: canvas.NewRectangle(nil), mark: canvas.NewRectangle(nil)}
	for range s.words {
		r.words = append(r.words, canvas.NewText("", nil))
	}
	return r
}

type segmentsRenderer struct {
	s           *Segments
	frame, mark *canvas.Rectangle
	words       []*canvas.Text
}

func (r *segmentsRenderer) Layout(size fyne.Size) {
	s := r.s
	r.frame.FillColor, r.frame.StrokeColor, r.frame.StrokeWidth, r.frame.CornerRadius = tint(ColorSurface), tint(ColorLine), Size(Hairline), Size(Radius)
	if s.focused {
		r.frame.StrokeColor = theme.Color(theme.ColorNamePrimary)
	}
	r.frame.Resize(size)
	r.mark.FillColor, r.mark.CornerRadius = tint(ColorAccent), Size(RadiusRow)
	left, inset := float32(0), Size(SpaceXS)/2
	for i, right := range s.edges(size.Width) {
		t := r.words[i]
		t.Text, t.TextSize, t.Alignment = s.words[i], Size(TextSize), fyne.TextAlignCenter
		t.Color, t.TextStyle.Bold = tint(ColorText), false
		if i == s.chosen {
			t.Color, t.TextStyle.Bold = tint(ColorOnAccent), true
			r.mark.Move(fyne.NewPos(left+inset, inset))
			r.mark.Resize(fyne.NewSize(right-left-2*inset, size.Height-2*inset))
		}
		h := t.MinSize().Height
		t.Move(fyne.NewPos(left, (size.Height-h)/2))
		t.Resize(fyne.NewSize(right-left, h))
		t.Refresh()
		left = right
	}
	r.frame.Refresh()
	r.mark.Refresh()
}

func (r *segmentsRenderer) MinSize() fyne.Size { return r.s.MinSize() }
func (r *segmentsRenderer) Refresh()           { r.Layout(r.s.Size()); canvas.Refresh(r.s) }
func (r *segmentsRenderer) Destroy()           {}
func (r *segmentsRenderer) Objects() []fyne.CanvasObject {
	o := []fyne.CanvasObject{r.frame, r.mark}
	for _, w := range r.words {
		o = append(o, w)
	}
	return o
}
