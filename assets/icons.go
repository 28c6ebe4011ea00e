// Package assets holds what is built into the binaries: icons, translations and
// sounds. It has nothing but embedded files; whoever needs one reads it here.
package assets

import "embed"

// Icons holds icons/NAME.svg, drawn on a grid of 24 × 24 in currentColor, and
// icons/app.svg, which has its own colours.
//
//go:embed icons/*.svg
var Icons embed.FS

// Translations holds translations/TAG.json for every language of office: a flat
// object from key to text. Text in braces stands for a value.
//
//go:embed translations/*.json
var Translations embed.FS
