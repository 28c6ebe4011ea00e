package assets

import "embed"

// Sounds holds the fallback prompts, spoken by a machine, as
// sounds/LANGUAGE/NAME.wav (LANGUAGE is "es" or "en"; 8 kHz µ-law), and the
// ringtone, sounds/ringtone.wav. The names are those of the recorded prompts
// that Debian ships: vm-intro, demo-echotest. assets/sounds/make.sh makes them
// again.
//
//go:embed sounds/*.wav sounds/*/*.wav
var Sounds embed.FS
