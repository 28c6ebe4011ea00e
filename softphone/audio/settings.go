package audio

import (
	"math"
	"slices"
)

// Settings are what the user chose of the sound.
type Settings struct {
	Microphone Choice
	Speaker    Choice
	Ringer     Choice

	// RingSpeaker has the speaker, which may be a headset, ring too where that is
	// another device than the ringer.
	RingSpeaker bool
}

// A Choice says which device serves a purpose, and how loud it is.
type Choice struct {
	// Names are those of the wanted devices, or their IDs, best first. The first
	// that is there is used, also when it comes in the middle of a call; without
	// any, the system's default.
	Names []string

	// Volume is from 0, which is silence, to 100, in percent. Each is half a
	// decibel, and 80 changes nothing.
	Volume int
}

// unchanged is the volume that leaves sound as it is.
const unchanged = 80

// DefaultSettings returns those of a user who chose nothing.
func DefaultSettings() Settings {
	c := Choice{Volume: unchanged}
	return Settings{Microphone: c, Speaker: c, Ringer: c}
}

// own returns a copy of s that nobody else can change, with volumes in bounds.
func (s Settings) own() *Settings {
	for _, c := range []*Choice{&s.Microphone, &s.Speaker, &s.Ringer} {
		c.Names = slices.Clone(c.Names)
		c.Volume = max(0, min(100, c.Volume))
	}
	return &s
}

// A purpose is what a device is used for.
type purpose int

const (
	microphone purpose = iota
	speaker
	ringer
)

func (p purpose) String() string { return [...]string{"microphone", "speaker", "ringer"}[p] }

func (p purpose) capture() bool { return p == microphone }

// of returns what was chosen for p.
func (s *Settings) of(p purpose) *Choice {
	switch p {
	case microphone:
		return &s.Microphone
	case speaker:
		return &s.Speaker
	}
	return &s.Ringer
}

// gain returns by what a volume multiplies samples.
func gain(volume int) float32 {
	if volume <= 0 {
		return 0
	}
	return float32(math.Pow(10, 0.5*float64(volume-unchanged)/20))
}

// wanted returns the IDs of those devices that the choice names, best first.
func (c *Choice) wanted(devices []Device, capture bool) []string {
	var ids []string
	for _, name := range c.Names {
		for _, d := range devices {
			if d.Capture == capture && (d.Name == name || d.ID == name) && !slices.Contains(ids, d.ID) {
				ids = append(ids, d.ID)
			}
		}
	}
	return ids
}
