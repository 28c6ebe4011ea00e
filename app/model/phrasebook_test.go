package model

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"timbre/assets"
	"timbre/internal/office"
)

var languages = []office.Language{office.Spanish, office.English}

// sources calls see for every file of the window's code and of the command
// line, tests excepted.
func sources(t *testing.T, see func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel("../..", path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && rel != "." && rel != "app" && !strings.HasPrefix(rel, "app"+string(filepath.Separator)):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		see(rel, set, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryTextIsInBothLanguages(t *testing.T) {
	braces := regexp.MustCompile(`\{[^}]*\}`)
	in := func(text string) []string {
		found := braces.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	es, en := NewPhrasebook(office.Spanish).texts, NewPhrasebook(office.English).texts
	for key, text := range es {
		other, ok := en[key]
		if !ok {
			t.Errorf("%s is missing in English", key)
		} else if !strings.HasPrefix(key, "day.") && !slices.Equal(in(text), in(other)) {
			t.Errorf("%s: %q and %q do not take the same values", key, text, other)
		}
		if strings.TrimSpace(text) != text || text == "" {
			t.Errorf("%s is %q", key, text)
		}
	}
	for key := range en {
		if _, ok := es[key]; !ok {
			t.Errorf("%s is missing in Spanish", key)
		}
	}
	files, err := assets.Translations.ReadDir("translations")
	if err != nil || len(files) != len(languages) {
		t.Errorf("translation files: %v, %v", files, err)
	}
}

// A key that stands twice in a file hides one of its texts.
func TestNoTextTwice(t *testing.T) {
	for _, lang := range languages {
		b, err := assets.Translations.ReadFile("translations/" + string(lang) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		d := json.NewDecoder(strings.NewReader(string(b)))
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Token(); err != nil {
				t.Fatal(err)
			}
			if seen[key.(string)] {
				t.Errorf("%s: %s stands twice", lang, key)
			}
			seen[key.(string)] = true
		}
	}
}

// TestTextsAndCodeAgree finds keys that code asks for and nobody wrote, and
// texts that no code asks for.
func TestTextsAndCodeAgree(t *testing.T) {
	texts := NewPhrasebook(office.Spanish).texts
	literals := map[string]bool{}
	sources(t, func(path string, set *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				s, _ := strconv.Unquote(l.Value)
				literals[s] = true
			}
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) == 0 {
				return true
			}
			name := ""
			switch f := c.Fun.(type) {
			case *ast.SelectorExpr:
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			l, isText := c.Args[0].(*ast.BasicLit)
			if !isText || l.Kind != token.STRING || name != "Say" && name != "say" && name != "Count" {
				return true
			}
			key, _ := strconv.Unquote(l.Value)
			if name == "Count" {
				key += ".one"
			}
			if _, ok := texts[key]; !ok && strings.Contains(key, ".") {
				t.Errorf("%s asks for %q, which does not exist", set.Position(l.Pos()), key)
			}
			return true
		})
	})
	// Keys that code puts together from a beginning and a value.
	made := []string{"error.", "outcome.", "kind.", "weekday.", "month.", "cli.", "refused.", "fax.", "presence."}
	for key := range texts {
		plain := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if !literals[plain] && !literals[key] && !slices.ContainsFunc(made, func(m string) bool { return strings.HasPrefix(key, m) }) {
			t.Errorf("no code asks for %q", key)
		}
	}
	for _, l := range literalsWithout(literals, texts) {
		t.Errorf("code names %q, which looks like a text and does not exist", l)
	}
}

// literalsWithout returns the strings of the code that begin like a key of ours
// and are none.
func literalsWithout(literals map[string]bool, texts map[string]string) (missing []string) {
	looks := regexp.MustCompile(`^(error|callError|login|logout|trust|nav|state|line|number|voicemail|calllog|call|save|notice|edit|date|peer)\.[a-zA-Z.]+[a-zA-Z]$`)
	for l := range literals {
		_, one := texts[l+".one"]
		if _, ok := texts[l]; looks.MatchString(l) && !ok && !one {
			missing = append(missing, l)
		}
	}
	return missing
}

// TestNoWordsInTheCode finds texts for the eye that stand in the code of the
// window instead of in the translations.
func TestNoWordsInTheCode(t *testing.T) {
	words := regexp.MustCompile(`\p{L}{2,}[,.:]? +\p{L}{2,}|[áéíóúñ¿¡]`)
	sources(t, func(path string, set *token.FileSet, f *ast.File) {
		if !strings.HasPrefix(path, "app") || strings.HasSuffix(path, "translations.go") {
			return // the command line has a test of its own; the other names Fyne's texts
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.CallExpr: // what goes to a log or to a programmer
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Error", "Warn", "Info", "Debug", "New", "Errorf", "do"}, s.Sel.Name) {
					return s.Sel.Name == "do"
				}
				if i, ok := n.Fun.(*ast.Ident); ok && i.Name == "panic" {
					return false
				}
			case *ast.BasicLit:
				s, _ := strconv.Unquote(n.Value)
				isSVG := strings.HasPrefix(s, "<svg")
				isLog := s == "marking voicemail" || s == "deleting voicemail" || s == "restoring voicemail" || s == "downloading voicemail"
				if n.Kind == token.STRING && words.MatchString(s) && !isSVG && !isLog {
					t.Errorf("%s: %q", set.Position(n.Pos()), s)
				}
			}
			return true
		})
	})
}

func TestSay(t *testing.T) {
	es, en := NewPhrasebook(office.Spanish), NewPhrasebook("fr")
	for got, want := range map[string]string{
		es.Say("state.registered", "ext", "101"): "Registrada · ext. 101",
		es.Count("logout.pending", 1):            "Un cambio todavía no se ha enviado y se perderá.",
		es.Count("logout.pending", 2):            "2 cambios todavía no se han enviado y se perderán.",
		es.Say("no such key"):                    "no such key",
		en.Say("login.submit"):                   "Acceso", // a language that is none of ours
		NewPhrasebook("en").Say("number.call"):   "Call",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	for locale, want := range map[string]office.Language{
		"es_MX.UTF-8": office.Spanish, "en_US.UTF-8": office.English, "en": office.English, "en-GB": office.English,
		"C": office.Spanish, "": office.Spanish, "fr_FR": office.Spanish, "enm": office.Spanish,
	} {
		if got := LanguageOf(locale); got != want {
			t.Errorf("LanguageOf(%q) = %s", locale, got)
		}
	}
	env := map[string]string{"LANG": "es_MX.UTF-8"}
	get := func(k string) string { return env[k] }
	if l := Locale(get); l != "es_MX.UTF-8" {
		t.Errorf("locale %q", l)
	}
	env["LANGUAGE"] = "en:es"
	if l := Locale(get); l != "en" {
		t.Errorf("LANGUAGE does not come first: %q", l)
	}
}
