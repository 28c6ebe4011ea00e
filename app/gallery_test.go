package app

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"timbre/app/model"
	"timbre/app/view"
	"timbre/assets"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// noonOfGallery is when the pages of the gallery are looked at.
var noonOfGallery = time.Date(2026, 11, 23, 11, 5, 0, 0, time.FixedZone("CST", -6*3600))

// A gallery is the pages over a real local database with made-up rows, on a
// canvas without a window.
type gallery struct {
	t         *testing.T
	words     *model.Phrasebook
	desk      *model.Desk
	mirror    *local.Mirror
	voicemail *model.Voicemail
	calllog   *model.CallLog
	phone     *model.Phone
	standing  *model.Standing
	status    engine.Status
	shell     *view.Shell
	posts     chan func()
}

// inbox is a mirror without a server behind it.
type inbox struct{ *local.Mirror }

func (i inbox) DeleteVoicemail(ctx context.Context, id office.ID) error {
	return i.Mirror.DeleteVoicemail(ctx, id, noonOfGallery.Add(local.Hold))
}

func (i inbox) Audio(context.Context, office.ID) (io.ReadSeekCloser, error) {
	return nil, office.ErrOffline
}

func (i inbox) Download(context.Context, office.ID, string) error { return office.ErrOffline }
func (i inbox) Login(context.Context, engine.Login) error         { return office.ErrLogin }
func (i inbox) Logout(context.Context, bool) error                { return nil }

// fill reads rows into the mirror as the server would send them.
func fill[T any](t *testing.T, m *local.Mirror, kind local.Type, rows []T) {
	t.Helper()
	ctx := context.Background()
	var objects []json.RawMessage
	for _, r := range rows {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, b)
	}
	if err := m.Replace(ctx, kind, "1", objects); err != nil {
		t.Fatal(err)
	}
}

func ago(d time.Duration) time.Time { return noonOfGallery.Add(-d).UTC() }

// sampleVoicemails are messages as an office gets them.
func sampleVoicemails() []office.Voicemail {
	row := func(id office.ID, number office.Number, name string, at time.Time, long time.Duration, isNew bool) office.Voicemail {
		return office.Voicemail{ID: id, From: office.Party{Number: number, Name: name}, ReceivedAt: at, Duration: office.Of(long), IsNew: isNew, BlobID: "b" + id, Size: 9000, Type: office.VoicemailType}
	}
	rows := []office.Voicemail{
		row("v1", "+525555550199", "Luis Peña", ago(23*time.Minute), 34*time.Second, true),
		row("v2", "102", "Marta Ruiz", ago(17*time.Hour), 72*time.Second, true),
		row("v3", "+13055550100", "", ago(20*time.Hour), 8*time.Second, false),
		row("v4", "", "", ago(46*time.Hour), 3*time.Minute, false),
		row("v5", "+525550001122", "Consultorio Dental Dr. Rodríguez y Asociados del Centro Histórico", ago(6*24*time.Hour), 61*time.Second, true),
		row("v6", "+528111112222", "Bodega Monterrey", ago(300*24*time.Hour), 15*time.Second, false),
	}
	rows[4].IsTruncated = true
	return rows
}

// sampleCalls are calls of every kind and outcome.
func sampleCalls() []office.Call {
	row := func(id office.ID, kind office.CallKind, o office.Outcome, number office.Number, name string, at time.Time, talk time.Duration) office.Call {
		return office.Call{ID: id, Kind: kind, Outcome: o, Peer: office.Party{Number: number, Name: name}, StartedAt: at, Duration: office.Of(talk)}
	}
	rows := []office.Call{
		row("c0", office.Outgoing, "", "102", "Marta Ruiz", ago(time.Minute), 0),
		row("c1", office.Missed, office.ToVoicemail, "+525555550199", "Luis Peña", ago(23*time.Minute), 0),
		row("c2", office.Outgoing, office.Answered, "102", "Marta Ruiz", ago(90*time.Minute), 312*time.Second),
		row("c3", office.Incoming, office.AnsweredElsewhere, "103", "Recepción", ago(100*time.Minute), 0),
		row("c4", office.Missed, office.Canceled, "+13055550100", "", ago(20*time.Hour), 0),
		row("c5", office.Outgoing, office.Busy, "+525550001122", "Consultorio Dental Dr. Rodríguez y Asociados del Centro Histórico", ago(21*time.Hour), 0),
		row("c6", office.Incoming, office.Declined, "", "", ago(22*time.Hour), 0),
		row("c7", office.Incoming, office.Answered, "104", "Jorge Díaz", ago(48*time.Hour), 4000*time.Second),
		row("c8", office.Outgoing, office.Failed, "9998887777", "", ago(50*time.Hour), 0),
		row("c9", office.Missed, office.Busy, "104", "Jorge Díaz", ago(4*24*time.Hour), 0),
		row("c10", office.Outgoing, office.Failed, "+525550001122", "Consultorio Dental", ago(49*time.Hour), 0),
		row("c11", office.Outgoing, office.Answered, "*97", "", ago(95*time.Minute), 40*time.Second),
		row("c12", office.Outgoing, office.Failed, "911", "", ago(96*time.Minute), 0),
	}
	rows[8].Reason, rows[10].Reason, rows[12].Reason = "404", office.MinutesUsed, office.NoTrunk
	return rows
}

func newGallery(t *testing.T, lang office.Language, calls []office.Call, mails []office.Voicemail) *gallery {
	t.Helper()
	mirror, err := local.Open(context.Background(), t.TempDir(), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, mirror, local.VoicemailType, mails)
	fill(t, mirror, local.CallType, calls)
	g := &gallery{t: t, words: model.NewPhrasebook(lang), mirror: mirror, posts: make(chan func(), 1000)}
	g.desk = model.NewDesk(g.words, slog.New(slog.DiscardHandler), func(f func()) { g.posts <- f })
	g.desk.Now = func() time.Time { return noonOfGallery }
	t.Cleanup(func() {
		g.desk.Close()
		mirror.Close()
	})
	g.status = engine.Status{Online: true, Since: noonOfGallery.Add(-25 * time.Minute)}
	g.phone = model.NewPhone(g.desk)
	g.voicemail = model.NewVoicemail(g.desk, inbox{mirror}, func(io.Reader) (model.Sound, error) { return nil, office.ErrOffline })
	g.calllog = model.NewCallLog(g.desk, mirror)
	g.standing = model.NewStanding(g.desk, func() engine.Status { return g.status }, func() (engine.Account, bool) {
		return engine.Account{Extension: "101", Name: "Ana López", Company: "+525555550100"}, true
	}, g.phone)
	mail, log := view.NewVoicemail(g.voicemail, g.words), view.NewCallLog(g.calllog, g.words, g.desk.Now)
	mail.OnDownload = func(office.ID) {}
	g.shell = view.NewShell(g.standing, g.phone, g.words, []view.Place{
		{Icon: "voicemail", Text: g.words.Say("nav.voicemail"), Short: g.words.Say("nav.voicemail.short"), Page: mail.Object, Badge: func() int { return g.voicemail.New }},
		{Icon: "calllog", Text: g.words.Say("nav.calllog"), Short: g.words.Say("nav.calllog.short"), Page: log.Object, Badge: func() int { return len(g.calllog.Missed) }},
	})
	g.voicemail.OnChange = func() {
		mail.Refresh()
		g.shell.SetNotice(g.voicemail.Undo, "delete", g.words.Say("voicemail.undo"), g.voicemail.Restore, nil)
	}
	g.voicemail.OnTick, g.calllog.OnChange = mail.Tick, log.Refresh
	g.standing.OnChange, g.phone.OnChange, g.phone.OnTick = g.shell.Refresh, func() { g.standing.Reload() }, g.shell.Tick
	g.phone.Connect(func(n office.Number) (model.Call, error) { return &madeUpCall{to: office.Party{Number: n}}, nil })
	g.phone.SetRegistration(softphone.Registration{State: softphone.Registered})
	g.voicemail.Reload()
	g.calllog.Reload()
	g.until(func() bool { return g.voicemail.Loaded && g.calllog.Loaded })
	return g
}

// until runs what is posted until done says so.
func (g *gallery) until(done func() bool) {
	g.t.Helper()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for !done() {
		select {
		case f := <-g.posts:
			f()
		case <-limit.C:
			g.t.Fatal("nothing more happens")
		}
	}
	g.shell.RefreshBadges()
}

// madeUpCall is a call that goes nowhere.
type madeUpCall struct {
	to       office.Party
	incoming bool
}

func (c *madeUpCall) ID() office.ID        { return "call" }
func (c *madeUpCall) Incoming() bool       { return c.incoming }
func (c *madeUpCall) Peer() office.Party   { return c.to }
func (c *madeUpCall) Answer()              {}
func (c *madeUpCall) Decline()             {}
func (c *madeUpCall) Hangup()              {}
func (c *madeUpCall) Mute(bool)            {}
func (c *madeUpCall) SendDigit(rune) error { return nil }

// variant is the theme of the app in one of its variants.
type variant struct {
	fyne.Theme
	v fyne.ThemeVariant
}

func (v variant) Color(n fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	return v.Theme.Color(n, v.v)
}

// paint looks at the texts of an object, and draws it into screenshots/NAME.png
// where it is to be kept.
func paint(t *testing.T, name string, o fyne.CanvasObject, size fyne.Size, keep bool) {
	t.Helper()
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetContent(o)
	c.Resize(size)
	legible(t, o, size)
	if keep {
		save(t, name, c.Capture())
	}
}

// legible finds texts that stand outside the window, or on top of each other.
func legible(t *testing.T, o fyne.CanvasObject, size fyne.Size) {
	t.Helper()
	foreign := englishOnly(t.Name())
	type spot struct {
		text         string
		x, y, x2, y2 float32
	}
	var spots []spot
	visit(o, fyne.Position{}, spotClip{0, size.Height, false}, func(text *canvas.Text, at fyne.Position, clip spotClip) {
		w := min(fyne.MeasureText(text.Text, text.TextSize, text.TextStyle).Width, text.Size().Width)
		x := at.X
		switch text.Alignment {
		case fyne.TextAlignCenter:
			x += (text.Size().Width - w) / 2
		case fyne.TextAlignTrailing:
			x += text.Size().Width - w
		}
		if foreign[text.Text] {
			t.Errorf("%q is English", text.Text)
		}
		s := spot{text.Text, x, at.Y, x + w, at.Y + text.Size().Height}
		if !clip.isScroll && (s.x < -0.5 || s.x2 > size.Width+0.5) {
			t.Errorf("%q stands at %.0f–%.0f of %.0f", s.text, s.x, s.x2, size.Width)
		}
		if s.y2 > clip.y2 || s.y < clip.y1 { // scrolled away in part
			return
		}
		for _, other := range spots {
			if s.x < other.x2-1 && other.x < s.x2-1 && s.y < other.y2-3 && other.y < s.y2-3 {
				t.Errorf("%q stands on %q", s.text, other.text)
			}
		}
		spots = append(spots, s)
	})
}

// englishOnly returns the English texts that are not Spanish ones too, for a test
// that draws a page in Spanish.
func englishOnly(test string) map[string]bool {
	only := map[string]bool{}
	if !strings.Contains(test, string(office.Spanish)) {
		return only
	}
	read := func(lang office.Language) (texts map[string]string) {
		b, err := assets.Translations.ReadFile("translations/" + string(lang) + ".json")
		if err != nil || json.Unmarshal(b, &texts) != nil {
			panic("translations: " + string(lang))
		}
		return texts
	}
	for _, text := range read(office.English) {
		only[text] = true
	}
	for _, text := range read(office.Spanish) {
		delete(only, text)
	}
	return only
}

// A spotClip is the part of the window that a scrolled thing may be seen in.
type spotClip struct {
	y1, y2   float32
	isScroll bool
}

// visit calls see for every text that is shown.
func visit(o fyne.CanvasObject, at fyne.Position, clip spotClip, see func(*canvas.Text, fyne.Position, spotClip)) {
	if !o.Visible() {
		return
	}
	at = at.Add(o.Position())
	switch o := o.(type) {
	case *canvas.Text:
		if strings.TrimSpace(o.Text) != "" {
			see(o, at, clip)
		}
	case *fyne.Container:
		for _, c := range o.Objects {
			visit(c, at, clip, see)
		}
	case fyne.Widget:
		if strings.Contains(fmt.Sprintf("%T", o), "Scroll") {
			clip.isScroll = true
			clip.y1, clip.y2 = max(clip.y1, at.Y), min(clip.y2, at.Y+o.Size().Height)
		}
		for _, c := range test.WidgetRenderer(o).Objects() {
			visit(c, at, clip, see)
		}
	}
}

// save keeps a picture as screenshots/NAME.png.
func save(t *testing.T, name string, img image.Image) {
	t.Helper()
	path := filepath.Join("..", "screenshots", name+".png")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

var looks = []struct {
	name string
	v    fyne.ThemeVariant
}{{"light", theme.VariantLight}, {"dark", theme.VariantDark}}

var windows = []struct {
	name string
	size fyne.Size
}{{"wide", fyne.NewSize(1280, 800)}, {"compact", fyne.NewSize(360, 560)}}

var languages = []office.Language{office.Spanish, office.English}
