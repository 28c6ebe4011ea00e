package widget

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// A Text is words on as many lines as its width asks for. Unlike a Label it has
// no room around it, and its owner may ask how high it will be.
type Text struct {
	widget.BaseWidget

	Text     string
	TextSize fyne.ThemeSizeName
	Color    fyne.ThemeColorName
	Bold     bool
	Mono     bool
	Align    fyne.TextAlign
	Lines    int // at most so many, the last one cut; 0 is as many as needed
}

// NewText returns words in a size and colour of the theme.
func NewText(text string, size fyne.ThemeSizeName, color fyne.ThemeColorName) *Text {
	t := &Text{Text: text, TextSize: size, Color: color}
	t.ExtendBaseWidget(t)
	return t
}

// NewTitle returns words as the title of a page.
func NewTitle(text string) *Text {
	t := NewText(text, TextTitle, ColorText)
	t.Bold = true
	return t
}

// Set changes the words.
func (t *Text) Set(text string) {
	if t.Text != text {
		t.Text = text
		t.Refresh()
	}
}

func (t *Text) style() fyne.TextStyle { return fyne.TextStyle{Bold: t.Bold, Monospace: t.Mono} }

func (t *Text) measure(s string) float32 {
	return fyne.MeasureText(s, Size(t.TextSize), t.style()).Width
}

func (t *Text) lineHeight() float32 {
	return fyne.MeasureText("Áj", Size(t.TextSize), t.style()).Height
}

// lines returns the words as they stand at a width.
func (t *Text) lines(w float32) []string {
	lines := wrap(t.Text, w, t.measure)
	if t.Lines == 0 || len(lines) <= t.Lines {
		return lines
	}
	rest := strings.Join(lines[t.Lines-1:], " ")
	return append(lines[:t.Lines-1], fit(rest, w, t.measure))
}

// HeightFor returns how high the words are when they are w wide.
func (t *Text) HeightFor(w float32) float32 {
	return float32(len(t.lines(w))) * t.lineHeight()
}

// Width returns how wide the words are on one line.
func (t *Text) Width() float32 { return t.measure(t.Text) }

// MinSize implements fyne.CanvasObject: the height of the words at the present
// width, one line before there is one.
func (t *Text) MinSize() fyne.Size {
	t.ExtendBaseWidget(t)
	if w := t.BaseWidget.Size().Width; w > 0 {
		return fyne.NewSize(0, t.HeightFor(w))
	}
	return fyne.NewSize(0, t.lineHeight())
}

// AccessibilityLabel implements fyne.Accessible.
func (t *Text) AccessibilityLabel() string { return t.Text }

// AccessibilityRole implements fyne.Accessible.
func (t *Text) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer { return &textRenderer{text: t} }

type textRenderer struct {
	text  *Text
	lines []fyne.CanvasObject
}

func (r *textRenderer) Layout(size fyne.Size) {
	t := r.text
	words := t.lines(size.Width)
	for len(r.lines) < len(words) {
		r.lines = append(r.lines, canvas.NewText("", nil))
	}
	r.lines = r.lines[:len(words)]
	for i, w := range words {
		l := r.lines[i].(*canvas.Text)
		l.Text, l.TextSize, l.TextStyle, l.Color, l.Alignment = w, Size(t.TextSize), t.style(), tint(t.Color), t.Align
		l.Move(fyne.NewPos(0, float32(i)*t.lineHeight()))
		l.Resize(fyne.NewSize(size.Width, t.lineHeight()))
		l.Refresh()
	}
}

func (r *textRenderer) MinSize() fyne.Size           { return r.text.MinSize() }
func (r *textRenderer) Refresh()                     { r.Layout(r.text.Size()); canvas.Refresh(r.text) }
func (r *textRenderer) Objects() []fyne.CanvasObject { return r.lines }
func (r *textRenderer) Destroy()                     {}
