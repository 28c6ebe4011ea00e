package view

import (
	"fyne.io/fyne/v2"

	"timbre/app/model"
	"timbre/app/widget"
)

// controls are the buttons of a call. The bar, the page and the window of an
// incoming call each have their own set, made the same way.
type controls struct {
	mute, keypad, answer, decline, hangup *widget.Button
	words                                 *model.Phrasebook
}

func newControls(m *model.Phone, words *model.Phrasebook, button func(icon, text string, style widget.ButtonStyle, tapped func()) *widget.Button, keypad func()) controls {
	say := words.Say
	return controls{
		words:   words,
		mute:    button("mic", say("call.mute"), widget.Plain, m.ToggleMute),
		keypad:  button("keypad", say("call.keypad"), widget.Plain, keypad),
		answer:  button("call", say("call.answer"), widget.Primary, m.Answer),
		decline: button("hangup", say("call.decline"), widget.Danger, m.Decline),
		hangup:  button("hangup", say("call.hangup"), widget.Danger, m.Hangup),
	}
}

func (c controls) set(t *model.Talk) {
	say := c.words.Say
	if t.Muted {
		c.mute.Set("micoff", say("call.unmute"), true)
	} else {
		c.mute.Set("mic", say("call.mute"), false)
	}
	for _, b := range []*widget.Button{c.mute, c.keypad} {
		if t.Active {
			b.Enable()
		} else {
			b.Disable()
		}
		b.Hidden = t.Ringing || t.Over
	}
	c.answer.Hidden, c.decline.Hidden, c.hangup.Hidden = !t.Ringing, !t.Ringing, t.Ringing
	if t.Over {
		c.hangup.Style = widget.Plain
		c.hangup.Set("close", say("call.close"), false)
	} else {
		c.hangup.Style = widget.Danger
		c.hangup.Set("hangup", say("call.hangup"), false)
	}
}

// padlock is the icon for what protects a call.
func padlock(t *model.Talk) (icon string, color fyne.ThemeColorName) {
	switch {
	case t.Padlock == "":
		return "", widget.ColorMuted
	case t.Locked:
		return "lock", widget.ColorGood
	}
	return "unlock", widget.ColorWarn
}

func stateColor(t *model.Talk) fyne.ThemeColorName {
	switch {
	case t.Problem:
		return widget.ColorBad
	case t.Active:
		return widget.ColorGood
	}
	return widget.ColorMuted
}
