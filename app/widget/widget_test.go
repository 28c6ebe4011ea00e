package widget

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"timbre/assets"
)

// tokens gives the sizes of the app's theme that matter to where things are.
type tokens struct{ fyne.Theme }

var tokenSizes = map[fyne.ThemeSizeName]float32{
	SpaceXS: 4, SpaceS: 8, SpaceM: 12, SpaceL: 16, SpaceXL: 24, RowTwo: 56, RowOne: 40, Touch: 36, TouchRound: 56,
	IconSize: 20, IconSmall: 18, TextTitle: 18, TextNumber: 20, Wide: 720, Side: 264, WhenWidth: 132, SizeWidth: 72, WordsWidth: 168, ColumnWidth: 480, Dot: 8,
}

func (t tokens) Size(n fyne.ThemeSizeName) float32 {
	if s, ok := tokenSizes[n]; ok {
		return s
	}
	return t.Theme.Size(n)
}

// show puts an object into a window of a size.
func show(t *testing.T, o fyne.CanvasObject, w, h float32) fyne.Window {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(tokens{theme.DefaultTheme()})
	window := test.NewTempWindow(t, o)
	window.SetPadded(false)
	window.Resize(fyne.NewSize(w, h))
	return window
}

func key(f fyne.Focusable, names ...fyne.KeyName) {
	for _, n := range names {
		f.TypedKey(&fyne.KeyEvent{Name: n})
	}
}

// names is a list of three entries that notes what is done to it.
func names(t *testing.T, width float32) (l *List, did *string, w fyne.Window) {
	t.Helper()
	did = new(string)
	say := func(what string) func(int) { return func(i int) { *did += what + strconv.Itoa(i) + " " } }
	l = NewList(func() int { return 3 }, func(i int) RowData {
		play := Action{Icon: "play", Text: "Play", Do: func() { say("play")(i) }}
		erase := Action{Icon: "delete", Text: "Delete", Do: func() { say("erase")(i) }}
		return RowData{Title: "Row " + strconv.Itoa(i), Under: "102", When: "hoy 10:42", Length: "0:34", Actions: []Action{play}, Menu: []Action{play, erase}}
	}, nil)
	l.OnOpen, l.OnDelete = say("open"), say("delete")
	return l, did, show(t, l, width, 300)
}

func TestListByKeyboard(t *testing.T) {
	l, did, w := names(t, 800)
	w.Canvas().Focus(l)
	key(l, fyne.KeyDown, fyne.KeyReturn, fyne.KeyDown, fyne.KeyDown, fyne.KeySpace, fyne.KeyUp, fyne.KeyDelete)
	if *did != "open1 open2 delete1 " {
		t.Errorf("did %q", *did)
	}
	key(l, desktop.KeyMenu)
	if w.Canvas().Overlays().Top() == nil {
		t.Error("the menu key opens nothing")
	}
}

func TestListByPointer(t *testing.T) {
	l, did, w := names(t, 800)
	test.TapCanvas(w.Canvas(), fyne.NewPos(100, 30))
	if *did != "open0 " || w.Canvas().Focused() != l {
		t.Errorf("did %q, focus on %v", *did, w.Canvas().Focused())
	}
	test.MoveMouse(w.Canvas(), fyne.NewPos(100, 90)) // the actions of row 1 appear
	test.TapCanvas(w.Canvas(), fyne.NewPos(800-8-3*36+18+36, 90))
	if *did != "open0 open1 " { // there is no second action: the row behind takes the click
		t.Errorf("did %q", *did)
	}
	*did = ""
	test.TapCanvas(w.Canvas(), fyne.NewPos(800-8-3*36+18, 90))
	if *did != "play1 " {
		t.Errorf("the action of the row under the pointer: did %q", *did)
	}
	*did, l.OnEnter, l.OnOpen = "", l.OnOpen, nil
	test.TapCanvas(w.Canvas(), fyne.NewPos(100, 30))
	if *did != "" {
		t.Errorf("a click opened: %q", *did)
	}
	key(l, fyne.KeyEnter)
	if *did != "open0 " {
		t.Errorf("enter after the click: %q", *did)
	}
}

func TestNarrowListHasItsActionsInAMenu(t *testing.T) {
	_, did, w := names(t, 340)
	test.TapCanvas(w.Canvas(), fyne.NewPos(340-8-18, 30))
	if w.Canvas().Overlays().Top() == nil || *did != "" {
		t.Errorf("no menu behind ⋯; did %q", *did)
	}
}

func TestHighRow(t *testing.T) {
	extra := NewText("player", TextSize, ColorText)
	l := NewList(func() int { return 2 }, func(i int) RowData { return RowData{Title: "x"} }, func(i int) fyne.CanvasObject {
		if i == 1 {
			return extra
		}
		return nil
	})
	show(t, l, 400, 300)
	l.SetHigh(1, 100)
	if !extra.Visible() || extra.Position().Y != 56 {
		t.Errorf("the extra stands at %v, shown: %v", extra.Position(), extra.Visible())
	}
	l.SetHigh(-1, 0)
	if extra.Visible() {
		t.Error("the extra stays in a row that is not high")
	}
}

func TestNumberBox(t *testing.T) {
	n := NewNumberBox("Número", "Borrar", "Llamar")
	var dialled []string
	n.OnDial = func(s string) { dialled = append(dialled, s) }
	w := show(t, n, 400, 60)
	n.Focus()
	test.Type(w.Canvas().Focused(), "55 12")
	key(w.Canvas().Focused(), fyne.KeyReturn)
	test.Tap(n.erase)
	test.Tap(n.call)
	if strings.Join(dialled, "|") != "55 12|55 1" {
		t.Errorf("dialled %q", dialled)
	}
	if !n.erase.Visible() {
		t.Error("no key to erase")
	}
	key(n.entry, fyne.KeyEscape)
	if n.Text() != "" || n.erase.Visible() {
		t.Errorf("after escape %q", n.Text())
	}
	wide := n.call.MinSize().Width
	n.SetNarrow(true)
	if n.call.MinSize().Width >= wide {
		t.Error("the button stays wide")
	}
}

func TestSegments(t *testing.T) {
	var chosen []int
	s := NewSegments([]string{"Todas", "Entrantes", "Salientes"}, func(i int) { chosen = append(chosen, i) })
	w := show(t, s, 300, 36)
	test.TapCanvas(w.Canvas(), fyne.NewPos(290, 18))
	test.TapCanvas(w.Canvas(), fyne.NewPos(290, 18)) // chosen already
	key(s, fyne.KeyLeft, fyne.KeyLeft, fyne.KeyLeft, fyne.KeyRight)
	if len(chosen) != 4 || chosen[0] != 2 || chosen[1] != 1 || chosen[2] != 0 || chosen[3] != 1 {
		t.Errorf("chosen %v", chosen)
	}
}

func TestDateField(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cal := Calendar{Months: [12]string{10: "noviembre", 9: "octubre"}, Now: func() time.Time { return now }, Format: func(t time.Time) string { return t.Format("02/01/2006") }}
	cal.Parse = func(s string) (time.Time, bool) { d, err := time.Parse("02/01/2006", s); return d, err == nil }
	sent := 0
	d := NewDateField(cal, func() { sent++ })
	show(t, d, 400, 500)
	d.SetDate(now)
	key(d.entry, fyne.KeyReturn)
	if d.Text() != "23/11/2026" || sent != 1 {
		t.Errorf("%q, sent %d", d.Text(), sent)
	}
	var picked time.Time
	m := newMonth(cal, now, func(t time.Time) { picked = t })
	if m.title.Text != "noviembre 2026" {
		t.Errorf("title %q", m.title.Text)
	}
	m.turn(-1)
	days := 0
	for _, o := range m.grid.Objects {
		if b, ok := o.(*Button); ok {
			if days++; b.Text == "31" {
				b.Tapped(nil)
			}
		}
	}
	if days != 31 || m.title.Text != "octubre 2026" || picked.Format(time.DateOnly) != "2026-10-31" {
		t.Errorf("%d days of %s, picked %s", days, m.title.Text, picked)
	}
}

func TestPlayer(t *testing.T) {
	p := NewPlayer("Reproducir", "Pausar", "Cargando…", "Posición")
	pressed, sought := 0, []float64{}
	p.OnPlayPause, p.OnSeek = func() { pressed++ }, func(s float64) { sought = append(sought, s) }
	show(t, p, 400, 40)
	p.Set(PlayerData{Playing: true, Position: 3, Length: 10, Time: "0:03 / 0:10"})
	if len(sought) != 0 {
		t.Errorf("showing a position seeks: %v", sought)
	}
	if p.button.Text != "Pausar" {
		t.Errorf("the button means %q", p.button.Text)
	}
	test.Tap(p.button)
	key(p.slider, fyne.KeyRight, fyne.KeyLeft, fyne.KeyLeft)
	if pressed != 1 || len(sought) != 3 || sought[0] != 4 || sought[2] != 2 {
		t.Errorf("pressed %d, sought %v", pressed, sought)
	}
	p.Set(PlayerData{Waiting: true})
	test.Tap(p.button)
	if pressed != 1 || p.time.Text != "Cargando…" {
		t.Errorf("while waiting: pressed %d, %q", pressed, p.time.Text)
	}
	p.Set(PlayerData{Problem: "No hay bocina."})
	if p.track.Visible() || !p.problem.Visible() {
		t.Error("a problem is not shown")
	}
}

func TestBanner(t *testing.T) {
	b := NewBanner("Cerrar")
	did := ""
	b.OnAction, b.OnClose = func() { did += "action " }, func() { did += "close " }
	show(t, b, 400, 60)
	if b.Visible() || b.HeightFor(400) != 0 {
		t.Error("a banner without words is there")
	}
	b.Set("Sin conexión desde las 10:40. Puedes leer y escuchar todo; no puedes llamar.", "warning", ColorWarn, "Deshacer")
	if !b.Visible() || b.HeightFor(300) <= b.HeightFor(900) {
		t.Error("it does not grow where it is narrow")
	}
	test.Tap(b.action)
	test.Tap(b.close)
	if did != "action close " {
		t.Errorf("did %q", did)
	}
}

func TestDialog(t *testing.T) {
	w := show(t, NewPlane(ColorPage), 360, 560)
	canceled := 0
	d := NewDialog(w.Canvas(), "Cerrar sesión", []fyne.CanvasObject{NewText("Este equipo dejará de recibir tus llamadas, y eso es todo.", TextSize, ColorText)},
		NewButton("", "Cancelar", Plain, nil), NewButton("", "Cerrar Sesión", Primary, nil))
	d.OnCancel = func() { canceled++ }
	d.Show()
	if top := w.Canvas().Overlays().Top(); top == nil {
		t.Fatal("nothing is shown")
	}
	d.Cancel()
	if w.Canvas().Overlays().Top() != nil || canceled != 1 {
		t.Errorf("after cancel: %d", canceled)
	}
}

func TestButton(t *testing.T) {
	n := 0
	b := NewButton("call", "Llamar", Primary, func() { n++ })
	show(t, b, 120, 36)
	key(b, fyne.KeySpace, fyne.KeyReturn, fyne.KeyEscape)
	b.Disable()
	test.Tap(b)
	b.Enable()
	test.Tap(b)
	if n != 3 {
		t.Errorf("pressed %d times, want 3", n)
	}
	if b.AccessibilityLabel() != "Llamar" {
		t.Error("a screen reader is told nothing")
	}
}

func TestFitAndWrap(t *testing.T) {
	wide := func(s string) float32 { return float32(len([]rune(s))) }
	for _, c := range []struct {
		text string
		w    float32
		want string
	}{
		{"Luis Peña", 9, "Luis Peña"}, {"Luis Peña", 6, "Luis…"}, {"Luis Peña", 5, "Luis…"}, {"Luis", 1, ""}, {"", 5, ""}, {"ñññ", 2, "ñ…"},
	} {
		if got := fit(c.text, c.w, wide); got != c.want {
			t.Errorf("fit(%q, %v) = %q, want %q", c.text, c.w, got, c.want)
		}
	}
	for _, c := range []struct {
		text string
		w    float32
		want string
	}{
		{"uno dos tres", 7, "uno dos|tres"}, {"uno\ndos", 20, "uno|dos"}, {"", 5, ""}, {"larguísimo a", 5, "larg…|a"},
	} {
		if got := strings.Join(wrap(c.text, c.w, wide), "|"); got != c.want {
			t.Errorf("wrap(%q, %v) = %q, want %q", c.text, c.w, got, c.want)
		}
	}
}

// TestIcons compares the icons that are drawn with those that code asks for.
func TestIcons(t *testing.T) {
	files, err := fs.Glob(assets.Icons, "icons/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	literals := map[string]bool{"app": true}
	set := token.NewFileSet()
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				s, _ := strconv.Unquote(l.Value)
				literals[s] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".svg")
		if !literals[name] {
			t.Errorf("no code asks for the icon %q", name)
		}
		if b, err := assets.Icons.ReadFile(f); err != nil || name != "app" && !strings.Contains(string(b), "currentColor") {
			t.Errorf("icon %q cannot change its colour (%v)", name, err)
		}
	}
}
