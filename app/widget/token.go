// Package widget holds the controls that Fyne does not have: rows, number box,
// player bar, segments, date field, bars of notice. They know nothing of the
// product: they show what they are given and tell of clicks and keys through
// their On fields. Package view puts them together; package app gives the tokens
// below their values.
package widget

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colours of the app beside those that Fyne has names for.
const (
	ColorSurface  fyne.ThemeColorName = "surface"
	ColorLine     fyne.ThemeColorName = "line"
	ColorText                         = theme.ColorNameForeground
	ColorMuted    fyne.ThemeColorName = "muted"
	ColorAccent                       = theme.ColorNamePrimary
	ColorOnAccent                     = theme.ColorNameForegroundOnPrimary
	ColorOnBad                        = theme.ColorNameForegroundOnError
	ColorOnGood                       = theme.ColorNameForegroundOnSuccess
	ColorGood                         = theme.ColorNameSuccess
	ColorWarn                         = theme.ColorNameWarning
	ColorBad                          = theme.ColorNameError
	ColorHover                        = theme.ColorNameHover
	ColorSelected                     = theme.ColorNameSelection
	ColorPage                         = theme.ColorNameBackground
	ColorClear    fyne.ThemeColorName = "clear"
)

// The sizes of the app beside those that Fyne has names for.
const (
	SpaceXS fyne.ThemeSizeName = "space4"
	SpaceS  fyne.ThemeSizeName = "space8"
	SpaceM  fyne.ThemeSizeName = "space12"
	SpaceL  fyne.ThemeSizeName = "space16"
	SpaceXL fyne.ThemeSizeName = "space24"

	Radius    fyne.ThemeSizeName = "radius"    // of cards, fields and buttons
	RadiusRow fyne.ThemeSizeName = "radiusRow" // of rows

	RowTwo fyne.ThemeSizeName = "rowTwo" // height of a row of two lines
	RowOne fyne.ThemeSizeName = "rowOne" // and of one

	IconSize   fyne.ThemeSizeName = "icon"
	IconSmall  fyne.ThemeSizeName = "iconSmall" // in buttons
	TextSize                      = theme.SizeNameText
	TextTitle  fyne.ThemeSizeName = "textTitle"
	TextNumber fyne.ThemeSizeName = "textNumber" // in the number box
	TextMuted                     = theme.SizeNameCaptionText
	TextName   fyne.ThemeSizeName = "textName" // of who is called, on the call page

	Dot         fyne.ThemeSizeName = "dot"
	Touch       fyne.ThemeSizeName = "touch" // side of a button with an icon alone
	TouchRound  fyne.ThemeSizeName = "touchRound"
	Hairline                       = theme.SizeNameSeparatorThickness
	Side        fyne.ThemeSizeName = "side"   // width of the navigation
	ColumnWidth fyne.ThemeSizeName = "column" // widest a form becomes
	Wide        fyne.ThemeSizeName = "wide"   // from this width on a window is wide
	WhenWidth   fyne.ThemeSizeName = "when"   // of the column with day and time
	SizeWidth   fyne.ThemeSizeName = "length" // of the column with a length
	WordsWidth  fyne.ThemeSizeName = "words"  // of the column with an outcome
	StateWidth  fyne.ThemeSizeName = "state"  // of the registration in words
	BoxWidth    fyne.ThemeSizeName = "box"    // widest the number box becomes

	MinWidth       fyne.ThemeSizeName = "minWidth" // of the main window
	MinHeight      fyne.ThemeSizeName = "minHeight"
	IncomingWidth  fyne.ThemeSizeName = "incomingWidth" // of the window of an incoming call
	IncomingHeight fyne.ThemeSizeName = "incomingHeight"
)

// tint returns the colour of a token in the theme of the app.
func tint(name fyne.ThemeColorName) color.Color {
	if name == ColorClear {
		return color.Transparent
	}
	return theme.Color(name)
}

// Size returns a token's size in the theme of the app.
func Size(name fyne.ThemeSizeName) float32 { return theme.Size(name) }
