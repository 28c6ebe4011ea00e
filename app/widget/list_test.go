package widget

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
)

// days is a list whose entries are known by letters; "" is the heading of a day.
func days(t *testing.T, entries *[]string) (l *List, did *string, w fyne.Window) {
	t.Helper()
	did = new(string)
	l = NewList(func() int { return len(*entries) }, func(i int) RowData {
		if (*entries)[i] == "" {
			return RowData{Heading: "hoy"}
		}
		return RowData{Title: (*entries)[i], Actions: []Action{{Icon: "call", Text: "Call", Do: func() { *did += "menu-" + (*entries)[i] + " " }}}}
	}, nil)
	l.KeyOf = func(i int) string { return (*entries)[i] }
	l.OnEnter = func(i int) { *did += "enter-" + (*entries)[i] + " " }
	l.OnDelete = func(i int) { *did += "delete-" + (*entries)[i] + " " }
	return l, did, show(t, l, 800, 300)
}

func TestHighlightStaysWithItsEntry(t *testing.T) {
	entries := []string{"c", "b", "a"}
	l, did, w := days(t, &entries)
	w.Canvas().Focus(l)
	key(l, fyne.KeyDown, fyne.KeyDelete)
	for _, c := range []struct {
		what    string
		entries []string
		want    string
	}{
		{"one more above", []string{"d", "c", "b", "a"}, "b"},
		{"a heading more", []string{"", "e", "", "d", "c", "b", "a"}, "b"},
		{"it is gone", []string{"", "e", "", "d", "c", "a"}, "a"},
		{"the last is gone", []string{"", "e", "", "d", "c"}, "c"},
	} {
		entries, *did = c.entries, ""
		key(l, fyne.KeyDelete) // before it is drawn
		l.Refresh()
		key(l, fyne.KeyEnter)
		if want := "delete-" + c.want + " enter-" + c.want + " "; *did != want {
			t.Errorf("%s: did %q, want %q", c.what, *did, want)
		}
		if l.marked != l.current || l.shown == nil || l.shown.data.Title != c.want {
			t.Errorf("%s: another entry is shown as the current one", c.what)
		}
	}
	entries, *did = nil, ""
	l.Refresh()
	key(l, fyne.KeyDelete, fyne.KeyDown, desktop.KeyMenu)
	if *did != "" {
		t.Errorf("without entries: did %q", *did)
	}
}

func TestHeadingsAreSkipped(t *testing.T) {
	entries := []string{"", "d", "c", "", "b"}
	l, did, w := days(t, &entries)
	w.Canvas().Focus(l)
	key(l, fyne.KeyEnter, fyne.KeyDown, fyne.KeyDown, fyne.KeyEnter, fyne.KeyDown, fyne.KeyUp, fyne.KeyUp, fyne.KeyUp, fyne.KeyEnter)
	if *did != "enter-d enter-b enter-d " {
		t.Errorf("did %q", *did)
	}
	test.TapCanvas(w.Canvas(), fyne.NewPos(100, 30))
	if l.current != 1 {
		t.Error("a click on a heading moves the highlight")
	}
	test.MoveMouse(w.Canvas(), fyne.NewPos(100, 150))
	*did = ""
	if key(l, fyne.KeyEnter); *did != "enter-d " {
		t.Errorf("a pointer that only passes moved the highlight: did %q", *did)
	}
	*did = ""
	key(l, desktop.KeyMenu)
	menu := w.Canvas().Focused()
	if menu == nil {
		t.Fatal("the menu key opens nothing")
	}
	if key(menu, fyne.KeyReturn); *did != "menu-d " {
		t.Errorf("enter in the menu: did %q", *did)
	}
}

func TestMenuBeginsWithWhatCanBeDone(t *testing.T) {
	at := NewText("", TextSize, ColorText)
	w := show(t, at, 400, 300)
	did := ""
	ShowMenu(at, []Action{{Text: "Ana"}, {Text: "Ext. 101"}, {Icon: "logout", Text: "Out", Do: func() { did += "out" }}})
	key(w.Canvas().Focused(), fyne.KeyDown, fyne.KeyReturn)
	if did != "out" {
		t.Errorf("did %q", did)
	}
}

func TestKeypadIsTyped(t *testing.T) {
	pressed, closed := "", 0
	k := NewKeypad(func(r rune) { pressed += string(r) })
	k.OnClose = func() { closed++ }
	w := show(t, k, 300, 300)
	k.Focus()
	test.Type(w.Canvas().Focused(), "1a*")
	w.Canvas().FocusNext() // one of its keys
	test.Type(w.Canvas().Focused(), "#")
	key(w.Canvas().Focused(), fyne.KeyReturn, fyne.KeyEscape)
	if pressed != "1*#1" || closed != 1 {
		t.Errorf("pressed %q, closed %d times", pressed, closed)
	}
}
