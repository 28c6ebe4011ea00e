package view

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"timbre/app/model"
	"timbre/app/widget"
	"timbre/internal/office"
)

// A Voicemail is the page of messages. The row that is open holds the player.
type Voicemail struct {
	Object     fyne.CanvasObject
	OnDownload func(id office.ID) // ask where to put the sound of a message

	m      *model.Voicemail
	words  *model.Phrasebook
	list   *widget.List
	player *widget.Player
	page   *page
}

// NewVoicemail returns the page of m.
func NewVoicemail(m *model.Voicemail, words *model.Phrasebook) *Voicemail {
	v := &Voicemail{m: m, words: words}
	v.player = widget.NewPlayer(words.Say("voicemail.play"), words.Say("voicemail.pause"), words.Say("voicemail.loading"), words.Say("voicemail.position"))
	v.player.OnPlayPause = m.PlayPause
	v.player.OnSeek = func(s float64) { m.Player.Seek(seconds(s)) }
	v.list = widget.NewList(func() int { return len(m.Rows) }, v.row, func(i int) fyne.CanvasObject {
		if m.Rows[i].ID == m.Open {
			return v.player
		}
		return nil
	})
	v.list.OnOpen = func(i int) { m.Toggle(m.Rows[i].ID) }
	v.list.OnDelete = func(i int) { m.Delete(m.Rows[i].ID) }
	v.list.OnNear = func(i int) {
		if i >= len(m.Rows)-1 {
			m.More()
		}
	}
	v.page = newPage(words.Say("voicemail.title"), nil, v.list)
	v.Object = v.page.object
	v.Refresh()
	return v
}

// row shows the i-th message.
func (v *Voicemail) row(i int) widget.RowData {
	r, say := v.m.Rows[i], v.words.Say
	d := widget.RowData{Dot: r.IsNew, Title: r.Name, Bold: r.IsNew, Under: r.Under, When: r.When, Length: r.Length}
	if r.IsCut {
		d.Remark = say("voicemail.truncated")
	}
	d.Said = r.Name + " " + r.Under + " " + r.When + " " + r.Length
	mark := widget.Action{Icon: "new", Text: say("voicemail.markNew"), Do: func() { v.m.Mark(r.ID, true) }}
	if r.IsNew {
		d.Said = say("voicemail.new") + " " + d.Said
		mark = widget.Action{Icon: "heard", Text: say("voicemail.markHeard"), Do: func() { v.m.Mark(r.ID, false) }}
	}
	play := widget.Action{Icon: "play", Text: say("voicemail.play"), Do: func() { v.m.Play(r.ID) }}
	d.Menu = append(d.Menu, play)
	if r.Party.Number != "" {
		back := widget.Action{Icon: "callback", Text: say("voicemail.callBack"), Do: func() { v.m.CallBack(r.ID) }}
		d.Menu = append(d.Menu, back)
		d.Actions = append(d.Actions, play, back)
	} else {
		d.Actions = append(d.Actions, play)
	}
	d.Menu = append(d.Menu, mark,
		widget.Action{Icon: "download", Text: say("voicemail.download"), Do: func() { v.OnDownload(r.ID) }},
		widget.Action{Icon: "delete", Text: say("voicemail.delete"), Do: func() { v.m.Delete(r.ID) }})
	return d
}

// Refresh draws the model.
func (v *Voicemail) Refresh() {
	open := -1
	for i, r := range v.m.Rows {
		if r.ID == v.m.Open {
			open = i
		}
	}
	v.list.SetHigh(open, widget.Size(widget.RowTwo)+widget.Size(widget.Touch)+widget.Size(widget.SpaceM))
	v.Tick()
	v.page.show(v.m.Loaded, len(v.m.Rows) == 0, v.words.Say("voicemail.empty"), "voicemail")
	v.list.Refresh()
}

// Tick draws the player alone.
func (v *Voicemail) Tick() {
	p := v.m.Player
	d := widget.PlayerData{
		Playing: p.Playing, Waiting: p.Loading, Position: p.Position.Seconds(), Length: p.Length.Seconds(),
		Time: model.Length(p.Position) + " / " + model.Length(p.Length), Problem: p.Problem,
	}
	v.player.Set(d)
}

// A page is a title, tools below it, and a list on a card, with words in its
// place where there is nothing to list.
type page struct {
	object fyne.CanvasObject
	title  *widget.Text
	tools  *fyne.Container // its layout knows its height; nil for none
	card   *widget.Plane
	list   fyne.CanvasObject
	empty  *emptiness
	pale   *widget.Pale
}

func newPage(title string, tools *fyne.Container, list fyne.CanvasObject) *page {
	p := &page{title: widget.NewTitle(title), tools: tools, card: widget.NewCard(), list: list, empty: newEmptiness(), pale: widget.NewPale()}
	objects := []fyne.CanvasObject{p.title, p.card, p.list, p.empty.object, p.pale}
	if tools != nil {
		objects = append(objects, tools)
	}
	p.object = container.New(p, objects...)
	return p
}

// show chooses between the list, the words for an empty one, and pale bars for
// one that has not been read.
func (p *page) show(loaded, empty bool, words, icon string) {
	p.pale.Hidden = loaded
	p.empty.set(words, icon)
	p.empty.object.Hidden = !loaded || !empty
	if loaded && !empty {
		p.list.Show()
	} else {
		p.list.Hide()
	}
	p.object.Refresh()
}

// Layout implements fyne.Layout.
func (p *page) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	gap := widget.Size(widget.SpaceXL)
	if narrow := size.Width < widget.Size(widget.Wide)-widget.Size(widget.Side); narrow {
		gap = widget.Size(widget.SpaceS)
	}
	edge := max(gap, widget.Size(widget.SpaceM))
	y := edge
	h := p.title.HeightFor(size.Width)
	p.title.Move(fyne.NewPos(max(gap, widget.Size(widget.SpaceL)), y))
	p.title.Resize(fyne.NewSize(size.Width-2*gap, h))
	y += h + widget.Size(widget.SpaceM)
	if p.tools != nil {
		w := size.Width - 2*gap
		th := p.tools.Layout.(widget.HeightFor).HeightFor(w)
		p.tools.Move(fyne.NewPos(gap, y))
		p.tools.Resize(fyne.NewSize(w, th))
		y += th + widget.Size(widget.SpaceM)
	}
	bottom := gap
	box := fyne.NewSize(size.Width-2*gap, max(0, size.Height-y-bottom))
	in := widget.Size(widget.SpaceXS)
	p.card.Move(fyne.NewPos(gap, y))
	p.card.Resize(box)
	for _, o := range []fyne.CanvasObject{p.list, p.empty.object, p.pale} {
		o.Move(fyne.NewPos(gap+in, y+in))
		o.Resize(fyne.NewSize(max(0, box.Width-2*in), max(0, box.Height-2*in)))
	}
}

// MinSize implements fyne.Layout.
func (p *page) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSquareSize(widget.Size(widget.ColumnWidth) / 2)
}

// emptiness is an icon and words in the middle of a card with nothing on it.
type emptiness struct {
	object *fyne.Container
	icon   *widget.Glyph
	words  *widget.Text
}

func newEmptiness() *emptiness {
	e := &emptiness{icon: widget.NewGlyph(widget.SpaceXL), words: widget.NewText("", widget.TextSize, widget.ColorMuted)}
	e.words.Align = fyne.TextAlignCenter
	e.object = container.New(e, e.icon, e.words)
	return e
}

func (e *emptiness) set(words, icon string) {
	e.words.Set(words)
	e.icon.Set(icon, widget.ColorMuted)
}

// Layout implements fyne.Layout.
func (e *emptiness) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	w := min(widget.Size(widget.ColumnWidth)*2/3, size.Width-2*widget.Size(widget.SpaceL))
	side, h := 2*widget.Size(widget.IconSize), e.words.HeightFor(w)
	y := max(0, (size.Height-side-widget.Size(widget.SpaceM)-h)/2)
	e.icon.Move(fyne.NewPos((size.Width-side)/2, y))
	e.icon.Resize(fyne.NewSquareSize(side))
	e.words.Move(fyne.NewPos((size.Width-w)/2, y+side+widget.Size(widget.SpaceM)))
	e.words.Resize(fyne.NewSize(w, h))
}

// MinSize implements fyne.Layout.
func (e *emptiness) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }
