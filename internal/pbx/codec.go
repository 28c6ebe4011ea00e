package pbx

import (
	"slices"

	"timbre/internal/sdp"
)

// speech is what the server itself speaks and hears, and what it translates
// into one another.
var speech = []sdp.Codec{sdp.PCMA, sdp.PCMU}

// offer returns what a device is offered for a caller who offers codecs: the
// same, in the same order, and whatever we can translate into one of them. A
// caller without an offer gets speech.
func offer(codecs []sdp.Codec) []sdp.Codec {
	var sound, events []sdp.Codec
	for _, c := range codecs {
		switch {
		case c.IsEvent():
			events = append(events, c)
		case c.IsSound():
			sound = append(sound, c)
		}
	}
	if len(codecs) == 0 {
		return append(slices.Clone(speech), sdp.TelephoneEvent)
	}
	if slices.ContainsFunc(sound, isSpeech) {
		for _, s := range speech {
			if !slices.ContainsFunc(sound, s.Is) {
				sound = append(sound, s)
			}
		}
	}
	return append(sound, events...)
}

// answer returns what a caller who offers codecs is answered with where the
// other side speaks c: the same, so that nothing need be translated, or else
// what we translate into it.
func answer(codecs []sdp.Codec, c sdp.Codec) []sdp.Codec {
	sound := []sdp.Codec{c}
	if len(codecs) > 0 && !slices.ContainsFunc(codecs, c.Is) {
		sound = speech
	}
	return withEvents(codecs, sound)
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

// isSpeech reports whether c is one of speech.
func isSpeech(c sdp.Codec) bool { return slices.ContainsFunc(speech, c.Is) }
