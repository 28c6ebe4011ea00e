package widget

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// line is one line of text that ends in … where it is too long for its place.
type line struct {
	*canvas.Text
	full  string
	color fyne.ThemeColorName
	size  fyne.ThemeSizeName
}

func newLine(size fyne.ThemeSizeName, color fyne.ThemeColorName) line {
	return line{Text: canvas.NewText("", tint(color)), color: color, size: size}
}

// set shows text in a colour; place fits it.
func (l *line) set(text string, color fyne.ThemeColorName, bold bool) {
	l.full, l.color, l.TextStyle.Bold = text, color, bold
}

// width is how wide the whole text is.
func (l *line) width() float32 { return l.measure(l.full).Width }

func (l *line) measure(text string) fyne.Size {
	return fyne.MeasureText(text, Size(l.size), l.TextStyle)
}

// place puts the line into a box, vertically in its middle, and draws it.
func (l *line) place(x, y, w, h float32) {
	l.TextSize, l.Color = Size(l.size), tint(l.color)
	l.Text.Text = fit(l.full, w, func(s string) float32 { return l.measure(s).Width })
	height := l.measure("Áj").Height
	l.Move(fyne.NewPos(x, y+(h-height)/2))
	l.Resize(fyne.NewSize(w, height))
	l.Refresh()
}

// fit returns text, or as much of its start as fits into w with … behind it.
func fit(text string, w float32, measure func(string) float32) string {
	if text == "" || measure(text) <= w {
		return text
	}
	runes := []rune(text)
	low, high := 0, len(runes)-1
	for low < high {
		mid := (low + high + 1) / 2
		if measure(string(runes[:mid])+"…") <= w {
			low = mid
		} else {
			high = mid - 1
		}
	}
	if low == 0 {
		return ""
	}
	return strings.TrimRight(string(runes[:low]), " ") + "…"
}

// wrap breaks text at spaces into lines no wider than w. A word that is wider
// stands alone, cut.
func wrap(text string, w float32, measure func(string) float32) []string {
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		current := ""
		for _, word := range strings.Fields(paragraph) {
			next := word
			if current != "" {
				next = current + " " + word
			}
			if current != "" && measure(next) > w {
				lines = append(lines, fit(current, w, measure))
				next = word
			}
			current = next
		}
		lines = append(lines, fit(current, w, measure))
	}
	return lines
}
