package view

import (
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"timbre/app/model"
	"timbre/app/widget"
	"timbre/internal/office"
)

// kinds are the segments of the call log, in their order.
var kinds = []office.CallKind{"", office.Incoming, office.Outgoing, office.Missed}

// kindLooks is the icon and the colour of each kind of call.
var kindLooks = map[office.CallKind]struct {
	icon  string
	color fyne.ThemeColorName
}{
	office.Incoming: {"incoming", widget.ColorGood},
	office.Outgoing: {"outgoing", widget.ColorAccent},
	office.Missed:   {"missed", widget.ColorBad},
}

// A CallLog is the page of calls.
type CallLog struct {
	Object fyne.CanvasObject

	m        *model.CallLog
	words    *model.Phrasebook
	segments *widget.Segments
	from, to *widget.DateField
	problem  *widget.Text
	tools    *logTools
	list     *widget.List
	page     *page
	shown    [2]time.Time // the days that stand in the fields
}

// NewCallLog returns the page of m.
func NewCallLog(m *model.CallLog, words *model.Phrasebook, now func() time.Time) *CallLog {
	v := &CallLog{m: m, words: words}
	say := words.Say
	search := func() { m.Search(v.from.Text(), v.to.Text()) }
	v.segments = widget.NewSegments([]string{say("calllog.all"), say("calllog.incoming"), say("calllog.outgoing"), say("calllog.missed")}, func(i int) {
		m.SetKind(kinds[i])
		search() // of the days as they stand in the fields
	})
	cal := calendar(words, now)
	v.from, v.to = widget.NewDateField(cal, search), widget.NewDateField(cal, search)
	v.problem = widget.NewText("", widget.TextMuted, widget.ColorBad)
	tools := newLogTools(v.segments, say("calllog.from"), v.from, say("calllog.to"), v.to, widget.NewButton("search", say("calllog.search"), widget.Plain, search), v.problem)
	v.tools = tools
	v.list = widget.NewList(func() int { return len(m.Rows) }, v.row, nil)
	v.list.KeyOf = func(i int) string { return string(m.Rows[i].ID) }
	v.list.OnEnter = func(i int) { m.CallBack(m.Rows[i].ID) } // a click that dials would surprise
	v.list.OnNear = func(i int) {
		if i >= len(m.Rows)-1 {
			m.More()
		}
	}
	v.page = newPage(say("calllog.title"), tools.container(), v.list)
	v.Object = v.page.object
	v.Refresh()
	return v
}

// calendar is what the date fields know of the language.
func calendar(words *model.Phrasebook, now func() time.Time) widget.Calendar {
	c := widget.Calendar{Format: words.Date, Now: now, Pick: words.Say("date.pick"), Example: words.Say("date.example"), Before: words.Say("date.before"), After: words.Say("date.after")}
	c.Parse = func(s string) (time.Time, bool) { return words.ParseDate(s, now().Location()) }
	for i := range c.Months {
		c.Months[i] = words.Say("month." + strconv.Itoa(i+1))
	}
	for i := range c.Weekdays {
		c.Weekdays[i] = words.Say("weekday.short." + strconv.Itoa(i))
	}
	return c
}

// row shows the i-th row: a day, or a call.
func (v *CallLog) row(i int) widget.RowData {
	r := v.m.Rows[i]
	if r.Heading != "" {
		return widget.RowData{Heading: r.Heading}
	}
	look := kindLooks[r.Kind]
	d := widget.RowData{Icon: look.icon, IconColor: look.color, Title: r.Name, Under: r.Under, When: r.When, Words: r.Outcome, WordColor: widget.ColorMuted}
	if r.Failed {
		d.WordColor = widget.ColorBad
	}
	if r.Advice != "" {
		d.Under = strings.TrimPrefix(r.Under+" · "+r.Advice, " · ")
	}
	d.Bold = r.Kind == office.Missed
	d.Said = v.words.Kind(r.Kind) + " " + r.Name + " " + d.Under + " " + r.When + " " + r.Outcome
	if r.Party.Number != "" {
		d.Actions = []widget.Action{{Icon: "call", Text: v.words.Say("calllog.callBack"), Do: func() { v.m.CallBack(r.ID) }}}
	}
	return d
}

// Refresh draws the model.
func (v *CallLog) Refresh() {
	for i, k := range kinds {
		if k == v.m.Kind {
			v.segments.Choose(i)
		}
	}
	if days := [2]time.Time{v.m.From, v.m.To}; days != v.shown {
		v.shown = days
		v.from.SetDate(v.m.From)
		v.to.SetDate(v.m.To)
	}
	v.problem.Set(v.m.Problem)
	v.problem.Hidden = v.m.Problem == ""
	v.tools.inTo = v.m.InTo
	empty := v.words.Say("calllog.empty")
	if v.m.Kind != "" {
		empty = v.words.Say("calllog.emptyKind")
	}
	v.page.show(v.m.Loaded, len(v.m.Rows) == 0, empty, "calllog")
	v.list.Refresh()
}

// logTools is the line above the call log: segments at the left, dates at the
// right; below each other where there is no room.
type logTools struct {
	segments         fyne.CanvasObject
	fromText, toText *widget.Text
	from, to         fyne.CanvasObject
	search           *widget.Button
	searchWidth      float32 // of the button with its word
	problem          *widget.Text
	inTo             bool // the problem is with the second date
}

func newLogTools(segments fyne.CanvasObject, fromText string, from fyne.CanvasObject, toText string, to fyne.CanvasObject, search *widget.Button, problem *widget.Text) *logTools {
	return &logTools{
		segments: segments, from: from, to: to, search: search, searchWidth: search.MinSize().Width, problem: problem,
		fromText: widget.NewText(fromText, widget.TextSize, widget.ColorMuted), toText: widget.NewText(toText, widget.TextSize, widget.ColorMuted),
	}
}

func (t *logTools) container() *fyne.Container {
	return container.New(t, t.segments, t.fromText, t.from, t.toText, t.to, t.search, t.problem)
}

// dates returns how wide the dates are side by side, without the button.
func (t *logTools) dates() float32 {
	return t.fromText.Width() + t.toText.Width() + t.from.MinSize().Width + t.to.MinSize().Width + 3*widget.Size(widget.SpaceS)
}

// HeightFor tells the page how high the line is when it is w wide.
func (t *logTools) HeightFor(w float32) float32 { return t.arrange(w, false) }

// Layout implements fyne.Layout.
func (t *logTools) Layout(_ []fyne.CanvasObject, size fyne.Size) { t.arrange(size.Width, true) }

// MinSize implements fyne.Layout.
func (t *logTools) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

// arrange places everything, if told to, and returns the height.
func (t *logTools) arrange(w float32, place bool) float32 {
	gap, high := widget.Size(widget.SpaceS), widget.Size(widget.Touch)
	put := func(o fyne.CanvasObject, x, y, w, h float32) {
		if place {
			o.Move(fyne.NewPos(x, y))
			o.Resize(fyne.NewSize(w, h))
		}
	}
	words := func(o *widget.Text, x, y float32) {
		h := o.HeightFor(w)
		put(o, x, y+(high-h)/2, o.Width()+1, h)
	}
	segments, search := t.segments.MinSize().Width, t.searchWidth
	y, bottom := float32(0), high
	if segments+widget.Size(widget.SpaceXL)+t.dates()+gap+search <= w {
		put(t.segments, 0, 0, segments, high)
	} else {
		put(t.segments, 0, 0, min(w, max(segments, w)), high)
		y, bottom = high+gap, 2*high+gap
	}
	right, between := w, gap
	one := t.from.MinSize().Width
	if t.dates()+gap+search > w { // the button has no room beside the dates
		between = gap / 2
		one = (w - t.fromText.Width() - t.toText.Width() - high - 2*gap - 2*between) / 2
		search = high
	}
	if place {
		t.search.SetIconOnly(search == high)
	}
	right -= search
	put(t.search, right, y, search, high)
	right -= gap + one
	put(t.to, right, y, one, high)
	under := right // the field that the problem stands below
	right -= t.toText.Width() + between
	words(t.toText, right, y)
	right -= one + gap
	put(t.from, right, y, one, high)
	if !t.inTo {
		under = right
	}
	right -= t.fromText.Width() + between
	words(t.fromText, right, y)
	if t.problem.Visible() {
		h := t.problem.HeightFor(w - under)
		put(t.problem, under, bottom+gap, w-under, h)
		bottom += gap + h
	}
	return bottom
}
