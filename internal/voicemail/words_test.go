package voicemail

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/assets"
	"timbre/internal/office"
)

// said writes words down without their folder.
func said(words []Prompt) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(" " + strings.TrimPrefix(string(w), "digits/"))
	}
	return strings.TrimSpace(b.String())
}

func TestNumbersAreSpoken(t *testing.T) {
	for _, c := range []struct {
		n      int
		es, en string
	}{
		{0, "0", "0"},
		{16, "16", "16"},
		{21, "21", "20 1"},
		{30, "30", "30"},
		{99, "90 and 9", "90 9"},
		{100, "100", "100"},
		{250, "2 5 0", "2 5 0"},
	} {
		if es, en := said(spoken(c.n, office.Spanish)), said(spoken(c.n, office.English)); es != c.es || en != c.en {
			t.Errorf("%d: %s, %s", c.n, es, en)
		}
	}
}

func TestMessagesAreCounted(t *testing.T) {
	for _, c := range []struct {
		fresh, old int
		es, en     string
	}{
		{0, 0, "no-messages", "no-messages"},
		{1, 0, "vm-youhave 1M vm-message vm-INBOXs", "vm-youhave 1 vm-INBOX vm-message"},
		{0, 2, "vm-youhave 2 vm-messages vm-Old", "vm-youhave 2 vm-Old vm-messages"},
		{2, 1, "vm-youhave 2 vm-messages vm-INBOX vm-and 1M vm-message vm-Olds", "vm-youhave 2 vm-INBOX vm-messages vm-and 1 vm-Old vm-message"},
	} {
		if es, en := said(count(c.fresh, c.old, office.Spanish)), said(count(c.fresh, c.old, office.English)); es != c.es || en != c.en {
			t.Errorf("%d and %d: %s; %s", c.fresh, c.old, es, en)
		}
	}
}

func TestTimesAreSpoken(t *testing.T) {
	zone := time.FixedZone("here", -6*3600)
	now := time.Date(2026, 11, 23, 15, 4, 0, 0, zone)
	for _, c := range []struct {
		t      time.Time
		es, en string
	}{
		{now, "today at 15 0 4", "today at 3 oh 4 p-m"},
		{now.Add(-16 * time.Hour), "yesterday at 23 0 4", "yesterday at 11 oh 4 p-m"},
		{time.Date(2026, 11, 22, 0, 0, 0, 0, zone), "yesterday at 0 oclock", "yesterday at 12 a-m"},
		{time.Date(2026, 5, 31, 1, 35, 0, 0, zone), "30 and 1 es-de mon-4 at_s 1F 30 and 5", "mon-4 30 1 at 1 30 5 a-m"},
		{time.Date(2025, 12, 1, 12, 20, 0, 0, zone), "first es-de mon-11 at 12 20", "mon-11 1 at 12 20 p-m"},
		{time.Date(2026, 11, 21, 21, 21, 0, 0, zone), "21 es-de mon-10 at 20-and 1F 21", "mon-10 20 1 at 9 20 1 p-m"},
	} {
		es, en := said(when(c.t, now, office.Spanish)), said(when(c.t, now, office.English))
		if es != "vm-received "+c.es || en != "vm-received "+c.en {
			t.Errorf("%v: %s; %s", c.t, es, en)
		}
	}
}

func TestSendersAreSpoken(t *testing.T) {
	for _, c := range []struct {
		number office.Number
		region office.Region
		want   string
	}{
		{"", "MX", "vm-unknown-caller"},
		{"anonymous", "MX", "vm-unknown-caller"},
		{"101", "MX", "vm-from-extension 1 0 1"},
		{"+525555550123", "MX", "vm-from-phonenumber 5 5 5 5 5 5 0 1 2 3"},
		{"+12125551234", "US", "vm-from-phonenumber 2 1 2 5 5 5 1 2 3 4"},
		{"+12125551234", "MX", "vm-from-phonenumber 1 2 1 2 5 5 5 1 2 3 4"},
		{"+442079460123", "GB", "vm-from-phonenumber 4 4 2 0 7 9 4 6 0 1 2 3"}, // it is dialled with a 0 there
		{"*97#", "MX", "vm-from-phonenumber star 9 7 pound"},
	} {
		if got := said(sender(c.number, c.region)); got != c.want {
			t.Errorf("%q in %s: %s", string(c.number), c.region, got)
		}
	}
}

// TestEveryPromptIsBuiltIn reads the constants from the source and looks for each
// in both languages, without the recordings of the system.
func TestEveryPromptIsBuiltIn(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "prompt.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var prompts []Prompt
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if kind, is := (*ast.Ident)(nil), false; ok {
			if kind, is = spec.Type.(*ast.Ident); is && kind.Name == "Prompt" {
				name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				prompts = append(prompts, Prompt(name))
			}
		}
		return true
	})
	if len(prompts) < 50 {
		t.Fatalf("only %d prompts found", len(prompts))
	}
	for n := range 101 {
		prompts = append(prompts, append(spoken(n, office.Spanish), spoken(n, office.English)...)...)
	}
	for month := range 12 {
		prompts = append(prompts, Prompt("digits/mon-"+strconv.Itoa(month)))
	}
	prompts = append(prompts, digits("*#")...)
	for _, language := range []string{"es", "en"} {
		for _, p := range prompts { // that they can be decoded is tested in assets
			if _, err := fs.Stat(assets.Sounds, "sounds/"+language+"/"+string(p)+".mp3"); err != nil {
				t.Error(err)
			}
		}
	}
}
