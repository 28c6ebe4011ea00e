package widget

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// RowData is what a Row shows.
type RowData struct {
	Heading string // a heading over the rows that follow; nothing else is shown then

	Dot       bool   // the marker of what is new
	Icon      string // in place of the dot; empty for none
	IconColor fyne.ThemeColorName
	Title     string
	Bold      bool
	Under     string
	When      string
	Length    string // narrow, at the right
	Remark    string // below the length; may be empty
	Words     string // wide, at the right; used in place of Length
	WordColor fyne.ThemeColorName

	Actions []Action // at most two, shown while the pointer or the focus is here
	Menu    []Action // all there is to do, behind ⋯; none where Actions are all
	Active  bool     // the row is the current one of a focused list
	Said    string   // for a screen reader; empty: title and under
}

// A Row is one entry of a list: a mark, two lines, when and how long, actions.
// In a narrow list what stands at the right moves together and the actions are
// behind ⋯.
type Row struct {
	widget.BaseWidget

	Extra fyne.CanvasObject // below the two lines where the row is higher; nil for none

	data    RowData
	hovered bool
	pointer fyne.Position
	OnOpen  func()
	more    *tapIcon
	actions [2]*tapIcon
}

// NewRow returns an empty row.
func NewRow() *Row {
	r := &Row{more: newTapIcon()}
	for i := range r.actions {
		r.actions[i] = newTapIcon()
	}
	r.more.tapped = r.PopUp
	r.ExtendBaseWidget(r)
	return r
}

// Set shows d.
func (r *Row) Set(d RowData) {
	r.data = d
	for i := range r.actions {
		r.actions[i].name, r.actions[i].tapped = "", nil
		if i < len(d.Actions) {
			r.actions[i].name, r.actions[i].tapped = d.Actions[i].Icon, d.Actions[i].Do
		}
	}
	r.Refresh()
}

// PopUp opens the menu of the row at its right end.
func (r *Row) PopUp() { ShowMenu(r.more, r.menu()) }

// menu is all there is to do with the row.
func (r *Row) menu() []Action {
	if len(r.data.Menu) > 0 {
		return r.data.Menu
	}
	return r.data.Actions
}

// Tapped implements fyne.Tappable.
func (r *Row) Tapped(*fyne.PointEvent) {
	if r.data.Heading == "" && r.OnOpen != nil {
		r.OnOpen()
	}
}

// TappedSecondary implements fyne.SecondaryTappable.
func (r *Row) TappedSecondary(e *fyne.PointEvent) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(r); c != nil {
		showMenu(c, r.menu(), func(fyne.Size) fyne.Position { return e.AbsolutePosition })
	}
}

// MouseIn implements desktop.Hoverable.
func (r *Row) MouseIn(e *desktop.MouseEvent) { r.hovered = true; r.MouseMoved(e) }

// MouseMoved implements desktop.Hoverable.
func (r *Row) MouseMoved(e *desktop.MouseEvent) {
	before := r.under()
	r.pointer = e.Position
	if r.under() != before || !r.more.Visible() {
		r.Refresh()
	}
}

// MouseOut implements desktop.Hoverable.
func (r *Row) MouseOut() {
	r.hovered, r.pointer = false, fyne.NewPos(-1, -1)
	r.Refresh()
}

// under returns the action that the pointer is over, or nil.
func (r *Row) under() *tapIcon {
	for _, t := range append(r.actions[:], r.more) {
		p, s := t.Position(), t.Size()
		if r.hovered && t.Visible() && r.pointer.X >= p.X && r.pointer.X < p.X+s.Width && r.pointer.Y >= p.Y && r.pointer.Y < p.Y+s.Height {
			return t
		}
	}
	return nil
}

// AccessibilityLabel implements fyne.Accessible.
func (r *Row) AccessibilityLabel() string {
	if r.data.Said != "" {
		return r.data.Said
	}
	return r.data.Heading + r.data.Title + " " + r.data.Under
}

// AccessibilityRole implements fyne.Accessible.
func (r *Row) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// MinSize implements fyne.CanvasObject.
func (r *Row) MinSize() fyne.Size {
	r.ExtendBaseWidget(r)
	return fyne.NewSize(0, Size(RowTwo))
}

// CreateRenderer implements fyne.Widget.
func (r *Row) CreateRenderer() fyne.WidgetRenderer {
	v := &rowRenderer{
		row: r, back: canvas.NewRectangle(nil), rule: canvas.NewRectangle(nil), dot: canvas.NewCircle(nil), icon: picture(),
		title: newLine(TextSize, ColorText), under: newLine(TextMuted, ColorMuted), when: newLine(TextMuted, ColorMuted),
		length: newLine(TextMuted, ColorMuted), remark: newLine(TextMuted, ColorWarn),
	}
	v.Refresh()
	return v
}

type rowRenderer struct {
	row                                *Row
	back, rule                         *canvas.Rectangle
	dot                                *canvas.Circle
	icon                               *canvas.Image
	title, under, when, length, remark line
}

func (v *rowRenderer) Objects() []fyne.CanvasObject {
	o := []fyne.CanvasObject{v.back, v.rule, v.dot, v.icon, v.title.Text, v.under.Text, v.when.Text, v.length.Text, v.remark.Text}
	for _, a := range v.row.actions {
		o = append(o, a)
	}
	o = append(o, v.row.more)
	if v.row.Extra != nil {
		o = append(o, v.row.Extra)
	}
	return o
}

func (v *rowRenderer) Destroy() {}

func (v *rowRenderer) MinSize() fyne.Size { return v.row.MinSize() }

func (v *rowRenderer) Refresh() {
	v.Layout(v.row.Size())
	canvas.Refresh(v.row)
}

func (v *rowRenderer) Layout(size fyne.Size) {
	d := v.row.data
	v.back.CornerRadius, v.back.FillColor = Size(RadiusRow), tint(ColorClear)
	if v.row.hovered && !d.Active && d.Heading == "" { // the list marks the active one itself
		v.back.FillColor = tint(ColorHover)
	}
	v.back.Resize(size)
	v.back.Refresh()
	v.rule.FillColor = tint(ColorLine)
	v.rule.Move(fyne.NewPos(Size(SpaceM), size.Height+Size(SpaceXS)/2))
	v.rule.Resize(fyne.NewSize(max(0, size.Width-2*Size(SpaceM)), Size(Hairline)))
	v.rule.Refresh()
	if d.Heading != "" {
		v.heading(size)
		return
	}
	height := min(size.Height, Size(RowTwo))
	left := v.mark(height)
	right := v.tools(size.Width, height)
	if narrow(size.Width) {
		right = v.stacked(right, height)
	} else {
		right = v.columns(right, height)
	}
	v.lines(left, right-Size(SpaceS)-left, height)
	if x := v.row.Extra; x != nil {
		below := size.Height - height
		if below < 1 {
			x.Hide()
			return
		}
		x.Show()
		x.Move(fyne.NewPos(left, height))
		x.Resize(fyne.NewSize(size.Width-left-Size(SpaceS), below-Size(SpaceS)))
	}
}

// narrow reports whether a list of this width has no room for columns.
func narrow(width float32) bool { return width < Size(Wide)-Size(Side) }

func (v *rowRenderer) heading(size fyne.Size) {
	v.dot.Hide()
	setIcon(v.icon, "", ColorText)
	for _, l := range []*line{&v.under, &v.when, &v.length, &v.remark} {
		l.set("", ColorMuted, false)
		l.place(0, 0, 0, size.Height)
	}
	for _, a := range append(v.row.actions[:], v.row.more) {
		a.Hide()
	}
	v.title.size = TextMuted
	v.title.set(v.row.data.Heading, ColorMuted, true)
	v.title.place(Size(SpaceL), Size(SpaceS), size.Width-2*Size(SpaceL), size.Height-Size(SpaceS))
}

// mark places dot or icon and returns where the lines begin.
func (v *rowRenderer) mark(height float32) float32 {
	d := v.row.data
	side, lead := Size(IconSize), Size(SpaceL)
	setIcon(v.icon, d.Icon, d.IconColor)
	v.icon.Move(fyne.NewPos(lead, (height-side)/2))
	v.icon.Resize(fyne.NewSquareSize(side))
	v.dot.Hidden = !d.Dot
	v.dot.FillColor = tint(ColorAccent)
	v.dot.Resize(fyne.NewSquareSize(Size(Dot)))
	if d.Icon == "" {
		v.dot.Move(fyne.NewPos(Size(SpaceS)+Size(SpaceXS), (height-Size(Dot))/2))
		v.dot.Refresh()
		return lead + Size(SpaceM)
	}
	v.dot.Move(fyne.NewPos(Size(SpaceXS), (height-Size(Dot))/2))
	v.dot.Refresh()
	return lead + side + Size(SpaceM)
}

// tools places the actions and returns where they begin. Every row of a list
// keeps the same room for them, whatever it has to do, so that columns align.
func (v *rowRenderer) tools(width, height float32) float32 {
	r, d := v.row, v.row.data
	side, over, slim := Size(Touch), r.under(), narrow(width)
	shown := r.hovered || d.Active || slim || r.Extra != nil
	x := width - Size(SpaceS)
	put := func(t *tapIcon, there bool) {
		x -= side
		t.Move(fyne.NewPos(x, (height-side)/2))
		t.Resize(fyne.NewSquareSize(side))
		t.lit, t.Hidden = t == over, !there || !shown
		t.Refresh()
	}
	slots := 1
	if len(d.Menu) > 0 {
		r.more.name = "more"
		put(r.more, true)
		slots = len(r.actions)
		if slim {
			slots = 0
		}
	} else {
		r.more.Hide()
	}
	for i := len(r.actions) - 1; i >= 0; i-- {
		if i < slots {
			put(r.actions[i], i < len(d.Actions))
		} else {
			r.actions[i].Hide()
		}
	}
	return x
}

// columns places time and length side by side and returns where they begin.
func (v *rowRenderer) columns(right, height float32) float32 {
	d := v.row.data
	w := Size(SizeWidth)
	words, ink := d.Length, ColorMuted
	if d.Words != "" {
		w, words, ink = Size(WordsWidth), d.Words, d.WordColor
	}
	right -= w + Size(SpaceS)
	v.remark.set(d.Remark, ColorWarn, false)
	v.length.set(words, ink, false)
	if d.Remark == "" {
		v.length.place(right, 0, w, height)
		v.remark.place(right, 0, 0, height)
	} else {
		top := (height - Size(RowOne)) / 2
		v.length.place(right, top, w, Size(RowOne)/2)
		v.remark.place(right, top+Size(RowOne)/2, w, Size(RowOne)/2)
	}
	right -= Size(WhenWidth) + Size(SpaceS)
	v.when.set(d.When, ColorMuted, false)
	v.when.place(right, 0, Size(WhenWidth), height)
	return right
}

// stacked places time over length and returns where they begin.
func (v *rowRenderer) stacked(right, height float32) float32 {
	d := v.row.data
	words, ink := d.Length, ColorMuted
	if d.Words != "" {
		words, ink = d.Words, d.WordColor
	} else if d.Remark != "" {
		words, ink = d.Remark+" "+d.Length, ColorWarn
	}
	v.remark.set("", ColorWarn, false)
	v.remark.place(0, 0, 0, height)
	v.when.set(d.When, ColorMuted, false)
	v.length.set(words, ink, false)
	w := min(max(v.when.width(), v.length.width()), Size(WordsWidth))
	top := (height - Size(RowOne)) / 2
	v.when.place(right-min(v.when.width(), w), top, w+1, Size(RowOne)/2)
	v.length.place(right-min(v.length.width(), w), top+Size(RowOne)/2, w+1, Size(RowOne)/2)
	return right - w
}

// lines places title and second line.
func (v *rowRenderer) lines(left, width, height float32) {
	d := v.row.data
	v.title.size = TextSize
	v.title.set(d.Title, ColorText, d.Bold)
	v.under.set(d.Under, ColorMuted, false)
	top := (height - Size(RowOne)) / 2
	if d.Under == "" {
		v.title.place(left, 0, width, height)
		v.under.place(left, 0, 0, height)
		return
	}
	v.title.place(left, top, width, Size(RowOne)/2)
	v.under.place(left, top+Size(RowOne)/2, width, Size(RowOne)/2)
}
