package widget

import (
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// A Calendar is what a DateField needs to know of the language.
type Calendar struct {
	Months   [12]string // by their full names
	Weekdays [7]string  // short, from Sunday
	Format   func(time.Time) string
	Parse    func(string) (time.Time, bool)
	Now      func() time.Time
	Pick     string // what the calendar's icon means
	Before   string // what the arrows to other months mean
	After    string
	Example  string
}

// A DateField is a field for a day, typed or picked from the days of a month.
type DateField struct {
	widget.BaseWidget

	entry *Entry
	cal   Calendar
}

// NewDateField returns an empty field; enter calls submit.
func NewDateField(cal Calendar, submit func()) *DateField {
	d := &DateField{cal: cal, entry: NewEntry(cal.Example, submit)}
	pick := NewIconButton("calendar", cal.Pick, d.pick)
	pick.Small = true
	d.entry.ActionItem = pick
	d.ExtendBaseWidget(d)
	return d
}

// Text returns what is typed.
func (d *DateField) Text() string { return d.entry.Text }

// SetDate shows a day.
func (d *DateField) SetDate(t time.Time) {
	if text := d.cal.Format(t); text != d.entry.Text {
		d.entry.SetText(text)
	}
}

// CreateRenderer implements fyne.Widget.
func (d *DateField) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(d.entry) }

// MinSize implements fyne.CanvasObject: wide enough for any day.
func (d *DateField) MinSize() fyne.Size {
	d.ExtendBaseWidget(d)
	m := d.entry.MinSize()
	return fyne.NewSize(fyne.MeasureText("00/00/0000", Size(TextSize), fyne.TextStyle{}).Width+Size(SpaceXL)+Size(SpaceXL), m.Height)
}

// pick opens the days of the month below the field.
func (d *DateField) pick() {
	c := fyne.CurrentApp().Driver().CanvasForObject(d)
	if c == nil {
		return
	}
	day, ok := d.cal.Parse(d.entry.Text)
	if !ok {
		day = d.cal.Now()
	}
	var popup *widget.PopUp
	m := newMonth(d.cal, day, func(t time.Time) {
		d.SetDate(t)
		popup.Hide()
	})
	popup = widget.NewPopUp(container.New(&inset{SpaceS}, m), c)
	size := popup.MinSize()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(d).AddXY(0, d.Size().Height)
	popup.ShowAtPosition(inside(c, at, size))
}

// month is the days of one month; arrows go to others.
type month struct {
	widget.BaseWidget
	cal    Calendar
	first  time.Time // of the month shown
	chosen time.Time
	choose func(time.Time)
	grid   *fyne.Container
	title  *Text
}

func newMonth(cal Calendar, day time.Time, choose func(time.Time)) *month {
	m := &month{cal: cal, chosen: day, choose: choose, grid: container.New(&dayGrid{}), title: NewText("", TextSize, ColorText)}
	m.title.Bold, m.title.Align = true, fyne.TextAlignCenter
	m.first = time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, day.Location())
	m.ExtendBaseWidget(m)
	m.fill()
	return m
}

func (m *month) turn(by int) {
	m.first = m.first.AddDate(0, by, 0)
	m.fill()
}

func (m *month) fill() {
	m.title.Set(m.cal.Months[m.first.Month()-1] + " " + strconv.Itoa(m.first.Year()))
	m.grid.Objects = nil
	for _, name := range m.cal.Weekdays {
		t := NewText(name, TextMuted, ColorMuted)
		t.Align = fyne.TextAlignCenter
		m.grid.Add(t)
	}
	for range int(m.first.Weekday()) {
		m.grid.Add(NewText("", TextMuted, ColorMuted))
	}
	for d := m.first; d.Month() == m.first.Month(); d = d.AddDate(0, 0, 1) {
		b := NewButton("", strconv.Itoa(d.Day()), Quiet, func() { m.choose(d) })
		b.On = d.Year() == m.chosen.Year() && d.YearDay() == m.chosen.YearDay()
		m.grid.Add(b)
	}
	m.grid.Refresh()
}

func (m *month) CreateRenderer() fyne.WidgetRenderer {
	head := container.New(&monthHead{}, NewIconButton("left", m.cal.Before, func() { m.turn(-1) }), m.title, NewIconButton("right", m.cal.After, func() { m.turn(1) }))
	return widget.NewSimpleRenderer(Column(SpaceXS, head, m.grid))
}

type monthHead struct{}

func (*monthHead) Layout(o []fyne.CanvasObject, size fyne.Size) {
	side := Size(Touch)
	o[0].Resize(fyne.NewSquareSize(side))
	o[2].Resize(fyne.NewSquareSize(side))
	o[2].Move(fyne.NewPos(size.Width-side, 0))
	h := o[1].MinSize().Height
	o[1].Move(fyne.NewPos(side, (side-h)/2))
	o[1].Resize(fyne.NewSize(size.Width-2*side, h))
}

func (*monthHead) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(7*Size(Touch), Size(Touch))
}

// dayGrid lays out a month in weeks; it always has room for six.
type dayGrid struct{}

func (*dayGrid) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w, h := size.Width/7, Size(Touch)
	for i, o := range objects {
		x, y := float32(i%7)*w, float32(i/7)*h
		if _, isText := o.(*Text); isText {
			y += (h - o.MinSize().Height) / 2
			o.Resize(fyne.NewSize(w, o.MinSize().Height))
		} else {
			o.Resize(fyne.NewSize(w, h))
		}
		o.Move(fyne.NewPos(x, y))
	}
}

func (*dayGrid) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(7*Size(Touch), 7*Size(Touch))
}
