package view

import (
	"fyne.io/fyne/v2"

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
	v.list.KeyOf = func(i int) string { return string(m.Rows[i].ID) }
	v.list.OnOpen = func(i int) { m.Toggle(m.Rows[i].ID) }
	v.list.OnEnter = func(i int) {
		if m.Rows[i].ID == m.Open {
			m.PlayPause()
		} else {
			m.Toggle(m.Rows[i].ID)
		}
	}
	v.list.OnEscape = func() {
		if m.Open != "" {
			m.Toggle(m.Open)
		}
	}
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
