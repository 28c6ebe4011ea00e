package app

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"timbre/app/widget"
)

// A pair is one colour token: light and dark.
type pair struct{ light, dark uint32 }

// palette holds every colour of the app, 0xRRGGBB, or 0xRRGGBBAA in overlays.
var palette = map[fyne.ThemeColorName]pair{
	widget.ColorPage:    {0xF7F8F8, 0x101415},
	widget.ColorSurface: {0xFFFFFF, 0x181D1F},
	widget.ColorLine:    {0xE2E6E6, 0x2A3133},

	widget.ColorText:     {0x14201F, 0xE8EDEC},
	widget.ColorMuted:    {0x55635F, 0x9AA8A5},
	widget.ColorAccent:   {0x0F766E, 0x2DD4BF},
	widget.ColorOnAccent: {0xFFFFFF, 0x06201D},

	widget.ColorGood:   {0x15803D, 0x4ADE80},
	widget.ColorWarn:   {0xB45309, 0xFBBF24},
	widget.ColorBad:    {0xC62828, 0xF87171},
	widget.ColorOnGood: {0xFFFFFF, 0x06201D},
	widget.ColorOnBad:  {0xFFFFFF, 0x06201D},

	// Fyne's own names, made of the tokens above.
	theme.ColorNameForegroundOnWarning: {0xFFFFFF, 0x06201D},
	theme.ColorNameButton:              {0xFFFFFF, 0x181D1F},
	theme.ColorNameDisabledButton:      {0xFFFFFF, 0x181D1F},
	theme.ColorNameDisabled:            {0x55635F, 0x9AA8A5},
	theme.ColorNamePlaceHolder:         {0x55635F, 0x9AA8A5},
	theme.ColorNameInputBackground:     {0xFFFFFF, 0x181D1F},
	theme.ColorNameInputBorder:         {0xE2E6E6, 0x2A3133},
	theme.ColorNameMenuBackground:      {0xFFFFFF, 0x181D1F},
	theme.ColorNameOverlayBackground:   {0xFFFFFF, 0x181D1F},
	theme.ColorNameHeaderBackground:    {0xFFFFFF, 0x181D1F},
	theme.ColorNameSeparator:           {0xE2E6E6, 0x2A3133},
	theme.ColorNameHyperlink:           {0x0F766E, 0x2DD4BF},
}

// overlays are the colours laid over others; the last byte is how much they cover.
var overlays = map[fyne.ThemeColorName]pair{
	theme.ColorNameHover:               {0x14201F0D, 0xE8EDEC12},
	theme.ColorNamePressed:             {0x14201F1F, 0xE8EDEC24},
	theme.ColorNameSelection:           {0x0F766E1F, 0x2DD4BF24},
	theme.ColorNameFocus:               {0x0F766E33, 0x2DD4BF33},
	theme.ColorNameScrollBar:           {0x55635F80, 0x9AA8A580},
	theme.ColorNameScrollBarBackground: {0x00000000, 0x00000000},
	theme.ColorNameShadow:              {0x14201F26, 0x00000066},
}

// sizes holds every size of the app, in Fyne's units.
var sizes = map[fyne.ThemeSizeName]float32{
	widget.SpaceXS: 4, widget.SpaceS: 8, widget.SpaceM: 12, widget.SpaceL: 16, widget.SpaceXL: 24,
	widget.Radius: 8, widget.RadiusRow: 6,
	widget.RowTwo: 56, widget.RowOne: 40,
	widget.IconSize: 20, widget.IconSmall: 18,
	widget.TextSize: 14, widget.TextTitle: 18, widget.TextNumber: 20, widget.TextMuted: 12, widget.TextName: 24,
	widget.Dot: 8, widget.Touch: 36, widget.TouchRound: 56, widget.Hairline: 1,
	widget.Side: 264, widget.ColumnWidth: 480, widget.Wide: 720, widget.BoxWidth: 400, widget.MinWidth: 360, widget.MinHeight: 560, widget.IncomingWidth: 320, widget.IncomingHeight: 180,
	widget.WhenWidth: 132, widget.SizeWidth: 72, widget.WordsWidth: 168, widget.StateWidth: 184,

	theme.SizeNamePadding:           4,
	theme.SizeNameInnerPadding:      8,
	theme.SizeNameLineSpacing:       4,
	theme.SizeNameInlineIcon:        18,
	theme.SizeNameHeadingText:       18,
	theme.SizeNameSubHeadingText:    18,
	theme.SizeNameInputBorder:       1,
	theme.SizeNameInputRadius:       8,
	theme.SizeNameSelectionRadius:   6,
	theme.SizeNameButtonRadius:      8,
	theme.SizeNameCardRadius:        8,
	theme.SizeNameDialogRadius:      8,
	theme.SizeNamePopupRadius:       8,
	theme.SizeNameMenuRadius:        8,
	theme.SizeNameScrollBar:         10,
	theme.SizeNameScrollBarSmall:    4,
	theme.SizeNameModalBlurRadius:   0,
	theme.SizeNameScrollBarRadius:   4,
	theme.SizeNameInnerWindowRadius: 8,
}

// A look is the theme of the app: the tokens, and Fyne's own fonts and icons.
type look struct{ fyne.Theme }

func newLook() fyne.Theme { return look{theme.DefaultTheme()} }

// Color implements fyne.Theme.
func (l look) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	if p, ok := palette[n]; ok {
		return rgba(p.of(v)<<8 | 0xFF)
	}
	if p, ok := overlays[n]; ok {
		return rgba(p.of(v))
	}
	return l.Theme.Color(n, v)
}

// Size implements fyne.Theme.
func (l look) Size(n fyne.ThemeSizeName) float32 {
	if s, ok := sizes[n]; ok {
		return s
	}
	return l.Theme.Size(n)
}

func (p pair) of(v fyne.ThemeVariant) uint32 {
	if v == theme.VariantDark {
		return p.dark
	}
	return p.light
}

func rgba(c uint32) color.NRGBA {
	return color.NRGBA{R: uint8(c >> 24), G: uint8(c >> 16), B: uint8(c >> 8), A: uint8(c)}
}
