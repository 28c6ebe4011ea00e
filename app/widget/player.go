package widget

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// PlayerData is what a Player shows.
type PlayerData struct {
	Playing  bool
	Waiting  bool    // the sound is being fetched
	Position float64 // seconds
	Length   float64
	Time     string // position and length in words
	Problem  string // shown in place of the slider
}

// A Player is a button, a slider and the time: the bar below an open message.
type Player struct {
	widget.BaseWidget

	OnPlayPause func()
	OnSeek      func(seconds float64)

	playText, pauseText, waitText string

	button  *Button
	slider  *slider
	track   *container.ThemeOverride // around the slider
	time    *Text
	problem *Text
	self    bool // the slider is being set, not moved
}

// NewPlayer returns a player; the words are what its controls mean.
func NewPlayer(play, pause, waiting, position string) *Player {
	p := &Player{playText: play, pauseText: pause, waitText: waiting, time: NewText("", TextMuted, ColorMuted), problem: NewText("", TextMuted, ColorBad)}
	p.time.Align = fyne.TextAlignTrailing
	p.button = NewIconButton("play", play, func() {
		if p.OnPlayPause != nil {
			p.OnPlayPause()
		}
	})
	p.button.Style = Primary
	p.slider = newSlider(position)
	p.slider.OnChanged = func(v float64) {
		if !p.self && p.OnSeek != nil {
			p.OnSeek(v)
		}
	}
	p.track = container.NewThemeOverride(p.slider, trackColors{theme.Current()})
	p.problem.Hide()
	p.ExtendBaseWidget(p)
	return p
}

// Set shows d.
func (p *Player) Set(d PlayerData) {
	p.self = true
	defer func() { p.self = false }()
	if d.Playing {
		p.button.Set("pause", p.pauseText, false)
	} else {
		p.button.Set("play", p.playText, false)
	}
	if d.Waiting {
		p.button.Disable()
		d.Time = p.waitText
	} else {
		p.button.Enable()
	}
	p.slider.Max, p.slider.Step = max(d.Length, 0.1), 0.1
	if p.slider.Value != d.Position {
		p.slider.Value = min(d.Position, p.slider.Max)
	}
	p.slider.Refresh()
	p.time.Set(d.Time)
	p.problem.Set(d.Problem)
	p.track.Hidden, p.time.Hidden, p.problem.Hidden = d.Problem != "", d.Problem != "", d.Problem == ""
	p.Refresh()
}

// HeightFor returns how high the player is when it is w wide.
func (p *Player) HeightFor(w float32) float32 {
	if p.problem.Hidden {
		return Size(Touch)
	}
	return max(Size(Touch), p.problem.HeightFor(w-Size(Touch)-Size(SpaceM)))
}

// CreateRenderer implements fyne.Widget.
func (p *Player) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(container.New(&playerLayout{p}, p.button, p.track, p.time, p.problem))
}

type playerLayout struct{ p *Player }

func (l *playerLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	p, side := l.p, Size(Touch)
	p.button.Move(fyne.NewPos(0, (size.Height-side)/2))
	p.button.Resize(fyne.NewSquareSize(side))
	left := side + Size(SpaceM)
	timeWidth := Size(SizeWidth) + Size(SpaceS)
	h := p.track.MinSize().Height
	p.track.Move(fyne.NewPos(left, (size.Height-h)/2))
	p.track.Resize(fyne.NewSize(size.Width-left-timeWidth-Size(SpaceS), h))
	th := p.time.HeightFor(timeWidth)
	p.time.Move(fyne.NewPos(size.Width-timeWidth, (size.Height-th)/2))
	p.time.Resize(fyne.NewSize(timeWidth, th))
	ph := p.problem.HeightFor(size.Width - left)
	p.problem.Move(fyne.NewPos(left, (size.Height-ph)/2))
	p.problem.Resize(fyne.NewSize(size.Width-left, ph))
}

func (l *playerLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(4*Size(Touch), Size(Touch))
}

// trackColors is the theme of the slider: what was played in the accent colour,
// what was not as a line.
type trackColors struct{ fyne.Theme }

func (c trackColors) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	switch n {
	case theme.ColorNameInputBackground:
		n = theme.ColorNameScrollBar
	case theme.ColorNameForeground:
		n = ColorAccent
	}
	return c.Theme.Color(n, v)
}

// slider is Fyne's with a name and steps of a second for the keyboard.
type slider struct {
	widget.Slider
	name string
}

func newSlider(name string) *slider {
	s := &slider{name: name}
	s.ExtendBaseWidget(s)
	return s
}

// TypedKey implements fyne.Focusable.
func (s *slider) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyLeft:
		s.SetValue(max(0, s.Value-1))
	case fyne.KeyRight:
		s.SetValue(min(s.Max, s.Value+1))
	default:
		s.Slider.TypedKey(k)
	}
}

// AccessibilityLabel implements fyne.Accessible.
func (s *slider) AccessibilityLabel() string { return s.name }

// AccessibilityRole implements fyne.Accessible.
func (s *slider) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }
