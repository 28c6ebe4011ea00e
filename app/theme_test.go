package app

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"

	"timbre/app/widget"
	"timbre/internal/office"
)

// luminance is the relative luminance of WCAG 2.
func luminance(c uint32) float64 {
	part := func(v uint32) float64 {
		s := float64(v&0xFF) / 255
		if s <= 0.03928 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c>>16) + 0.7152*part(c>>8) + 0.0722*part(c)
}

func contrast(a, b uint32) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// over lays a colour with its cover onto another.
func over(top, below uint32) uint32 {
	a := float64(top&0xFF) / 255
	mix := func(shift uint) uint32 {
		return uint32(float64(top>>(shift+8)&0xFF)*a+float64(below>>shift&0xFF)*(1-a)+0.5) << shift
	}
	return mix(16) | mix(8) | mix(0)
}

// TestEverythingCanBeRead checks each pair of ink and ground that a page can
// show.
func TestEverythingCanBeRead(t *testing.T) {
	inks := []fyne.ThemeColorName{widget.ColorText, widget.ColorMuted, widget.ColorAccent, widget.ColorGood, widget.ColorWarn, widget.ColorBad, theme.ColorNamePlaceHolder, theme.ColorNameDisabled, theme.ColorNameHyperlink}
	grounds := []fyne.ThemeColorName{widget.ColorPage, widget.ColorSurface, theme.ColorNameInputBackground, theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground, theme.ColorNameButton}
	type use struct{ ink, ground fyne.ThemeColorName }
	pairs := []use{
		{widget.ColorOnAccent, widget.ColorAccent},
		{widget.ColorOnBad, widget.ColorBad},
		{widget.ColorOnGood, widget.ColorGood},
		{theme.ColorNameForegroundOnWarning, widget.ColorWarn},
		{widget.ColorMuted, widget.ColorLine},
	}
	for _, i := range inks {
		for _, g := range grounds {
			pairs = append(pairs, use{i, g})
		}
	}
	for _, v := range []fyne.ThemeVariant{theme.VariantLight, theme.VariantDark} {
		for _, p := range pairs {
			if c := contrast(palette[p.ink].of(v), palette[p.ground].of(v)); c < 4.5 {
				t.Errorf("variant %d: %s on %s has %.2f:1", v, p.ink, p.ground, c)
			}
		}
		// Rows under the pointer and the chosen page: a colour over the surface.
		for _, o := range []fyne.ThemeColorName{theme.ColorNameHover, theme.ColorNameSelection} {
			ground := over(overlays[o].of(v), palette[widget.ColorSurface].of(v))
			for _, ink := range []fyne.ThemeColorName{widget.ColorText, widget.ColorMuted, widget.ColorAccent, widget.ColorBad} {
				if c := contrast(palette[ink].of(v), ground); c < 4.5 {
					t.Errorf("variant %d: %s on %s has %.2f:1", v, ink, o, c)
				}
			}
		}
	}
}

// TestMetadataIsThatOfFyneApp compares what a plain build carries with what a
// package is made of.
func TestMetadataIsThatOfFyneApp(t *testing.T) {
	b, err := os.ReadFile("../FyneApp.toml")
	if err != nil {
		t.Fatal(err)
	}
	value := func(key string) string {
		for _, l := range strings.Split(string(b), "\n") {
			name, v, ok := strings.Cut(l, "=")
			if ok && strings.TrimSpace(name) == key {
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
		return ""
	}
	for key, want := range map[string]string{"ID": metadata.ID, "Name": metadata.Name, "Version": metadata.Version, "Build": strconv.Itoa(metadata.Build)} {
		if got := value(key); got != want || got == "" {
			t.Errorf("%s is %q in FyneApp.toml, %q in the binary", key, got, want)
		}
	}
	if _, err := os.Stat("../" + value("Icon")); err != nil {
		t.Errorf("icon of the package: %v", err)
	}
}

// Fyne's own words, in the menu of a text field, are in the language of the app,
// whatever the system's is.
func TestFyneSpeaksTheLanguageOfTheApp(t *testing.T) {
	for _, c := range []struct {
		lang office.Language
		want string
	}{{office.English, "Copy Select all"}, {office.Spanish, "Copiar Seleccionar todo"}} {
		registerTranslations(c.lang)
		if got := lang.L("Copy") + " " + lang.L("Select all"); got != c.want {
			t.Errorf("in %s: %q, want %q", c.lang, got, c.want)
		}
	}
}
