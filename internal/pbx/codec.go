package pbx

import (
	"slices"

	"timbre/internal/bridge"
	"timbre/internal/sdp"
)

// offer returns what a telephone is offered for a caller who speaks codecs: the
// same, in the same order, and whatever we can translate into one of them; and the
// telephone events that every telephone has, for keys pass to a caller who takes
// none. Where the caller did not say, it is all that we speak.
func offer(codecs []sdp.Codec) []sdp.Codec {
	if len(codecs) == 0 {
		return slices.Clone(bridge.Codecs)
	}
	var sound, events []sdp.Codec
	for _, c := range codecs {
		switch {
		case c.IsEvent():
			events = append(events, c)
		case c.IsSound():
			sound = append(sound, c)
		}
	}
	if slices.ContainsFunc(sound, bridge.Speakable) {
		for _, c := range bridge.Codecs {
			if c.IsSound() && !slices.ContainsFunc(sound, c.Is) {
				sound = append(sound, c)
			}
		}
	}
	if !slices.ContainsFunc(events, sdp.TelephoneEvent.Is) {
		events = append(events, sdp.TelephoneEvent)
	}
	return append(sound, events...)
}

// answer returns what a caller who offers codecs is answered with where the
// other side speaks c: the same, so that nothing need be translated, or else
// what we translate into it.
func answer(codecs []sdp.Codec, c sdp.Codec) []sdp.Codec {
	sound := []sdp.Codec{c}
	if len(codecs) > 0 && !slices.ContainsFunc(codecs, c.Is) {
		sound = spoken()
	}
	return withEvents(codecs, sound)
}

// spoken returns the codecs in which the office itself speaks.
func spoken() []sdp.Codec {
	return slices.DeleteFunc(slices.Clone(bridge.Codecs), func(c sdp.Codec) bool { return !c.IsSound() })
}

// withEvents returns sound and the telephone events that codecs offers.
func withEvents(codecs, sound []sdp.Codec) []sdp.Codec {
	sound = slices.Clone(sound)
	for _, c := range codecs {
		if c.IsEvent() {
			sound = append(sound, c)
		}
	}
	if len(codecs) == 0 {
		sound = append(sound, sdp.TelephoneEvent)
	}
	return sound
}
