package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/softphone/audio"
	"timbre/sync/engine"
)

func newSelfTestCommand(o *options) *cobra.Command {
	c := &cobra.Command{Use: "selftest", Short: o.words.Say("cli.selftest"), Args: exactly(0)}
	system := c.Flags().String("audio", "", o.words.Say("cli.flag.callAudio"))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return o.withAccount(func(e *engine.Engine) error { return selfTest(cmd.Context(), o, e, *system) })
	}
	return c
}

// selfTest prints what the test of a telephone found. It is an error unless all is well.
func selfTest(ctx context.Context, o *options, e *engine.Engine, system string) error {
	t, err := newTerminal(o, e, system)
	if err != nil {
		return err
	}
	var devices softphone.Audio
	if d, ok := t.cfg.Audio.(*audio.Devices); ok { // all else is always there
		devices = d
	}
	d, err := softphone.SelfTest(ctx, t.cfg, devices)
	if err != nil {
		return err
	}
	if err := o.print(newFindings(o, d), o.found(d, t.region)); err != nil {
		return err
	}
	if !d.OK() {
		return usageError{"cli.selftest.failed", nil}
	}
	return nil
}

// Findings are what a self test prints with --json. What it did not come to is left out.
type findings struct {
	OK           bool                        `json:"ok"`
	Registration softphone.RegistrationState `json:"registration"`
	Registering  float64                     `json:"registering,omitempty"` // seconds, like all times
	Code         int                         `json:"code,omitempty"`        // SIP status of the echo test
	Asked        int                         `json:"asked"`                 // sounds that were sent
	Heard        int                         `json:"heard"`                 // of them came back
	RoundTrip    float64                     `json:"roundTrip,omitempty"`
	Secure       bool                        `json:"secure"`
	Quality      office.Quality              `json:"quality"` // its delay contains the round trip
	Fault        softphone.Fault             `json:"fault,omitempty"`
	Microphone   *deviceFinding              `json:"microphone,omitempty"`
	Speaker      *deviceFinding              `json:"speaker,omitempty"`
}

// A deviceFinding is what is wrong with a device, in words, and how loud a microphone was
// at most, in dBFS.
type deviceFinding struct {
	OK    bool     `json:"ok"`
	Error string   `json:"error,omitempty"`
	Peak  *float64 `json:"peak,omitempty"`
}

func newFindings(o *options, d softphone.Diagnosis) findings {
	f := findings{
		OK: d.OK(), Registration: d.Registration.State, Registering: d.Registering.Seconds(), Code: d.Call.Code,
		Asked: d.Asked, Heard: d.Heard, RoundTrip: d.Quality.RoundTrip.Seconds(), Secure: d.Call.Secure,
		Quality: d.Quality.Office(), Fault: d.Quality.Fault(),
	}
	if m := d.Microphone; m != nil {
		f.Microphone = &deviceFinding{OK: m.Err == nil, Error: o.deviceFault(m.Err), Peak: &m.Peak}
	}
	if s := d.Speaker; s != nil {
		f.Speaker = &deviceFinding{OK: s.Err == nil, Error: o.deviceFault(s.Err)}
	}
	return f
}

// deviceFault says what is wrong with a device; empty where nothing is.
func (o *options) deviceFault(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, softphone.ErrNoSound), errors.Is(err, audio.ErrSilent):
		return o.words.Say("cli.selftest.noSound")
	case errors.Is(err, audio.ErrOther):
		return o.words.Say("cli.selftest.otherDevice")
	case errors.Is(err, audio.ErrNoDevice):
		return o.words.Say("cli.selftest.noDevice")
	}
	return o.words.Say("cli.selftest.deviceError")
}

// A row of what was found, by the name of its text behind "cli.selftest.".
func (o *options) row(t *table, name, text string) { t.add(o.words.Say("cli.selftest."+name), text) }

// found says what a self test found, in lines that can be copied into a letter.
func (o *options) found(d softphone.Diagnosis, r office.Region) string {
	var t table
	o.foundOffice(&t, d, r)
	if m := d.Microphone; m != nil {
		text := o.deviceFault(m.Err)
		if text == "" {
			text = fmt.Sprintf("%.0f dBFS", m.Peak)
			if m.Peak < -50 {
				text += " · " + o.words.Say("cli.selftest.quiet")
			}
		}
		o.row(&t, "microphone", text)
	}
	if s := d.Speaker; s != nil {
		text := o.deviceFault(s.Err)
		if text == "" {
			text = o.words.Say("cli.selftest.fine")
		}
		o.row(&t, "speaker", text)
	}
	text := t.String()
	if why := o.words.Quality(d.Quality); why != "" {
		text += "\n" + why
	} else if d.OK() {
		text += "\n" + o.words.Say("cli.selftest.good")
	} else {
		text = text[:len(text)-1] // print ends the line
	}
	return text
}

// foundOffice adds what was found of the way to the office and back.
func (o *options) foundOffice(t *table, d softphone.Diagnosis, r office.Region) {
	w, q := o.words, d.Quality
	if d.Registration.State != softphone.Registered {
		why := unregistered(d.Registration)
		if why == nil {
			why = office.ErrOffline
		}
		o.row(t, "registration", w.Words(why))
		return
	}
	o.row(t, "registration", w.Say("cli.selftest.fine")+" · "+milliseconds(d.Registering))
	if d.Asked == 0 {
		why := w.CallWords(d.Call, softphone.EchoNumber, r)
		if why == "" {
			why = w.Say("cli.selftest.echo.none")
		}
		o.row(t, "echo", why)
		return
	}
	o.row(t, "echo", w.Say("cli.selftest.echo.some", "heard", d.Heard, "asked", d.Asked))
	if d.Heard > 0 {
		o.row(t, "roundTrip", milliseconds(q.RoundTrip))
	}
	o.row(t, "loss", percent(q.Loss))
	o.row(t, "jitter", milliseconds(q.Jitter))
	o.row(t, "quality", fmt.Sprintf("%.1f (MOS)", q.MOS()))
	o.row(t, "codec", q.Codec)
	protection := "call.secure"
	if !d.Call.Secure {
		protection = "call.insecure"
	}
	o.row(t, "encryption", w.Say(protection))
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }
