package assets

import "embed"

// Sounds holds the fallback prompts, spoken by a machine, as
// sounds/LANGUAGE/NAME.mp3 (LANGUAGE is "es" or "en"; 16 kHz mono), and the
// ringtone, sounds/ringtone.wav. The prompts and their words are in
// assets/sounds/prompts.txt; names are those of the recordings that Debian ships,
// where there is one. assets/sounds/make.sh makes all again.
//
//go:embed sounds/*.wav sounds/*/*.mp3 sounds/*/digits/*.mp3
var Sounds embed.FS
