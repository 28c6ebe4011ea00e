package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/softphone/audio"
	"timbre/sync/engine"
)

func newPhoneCommand(o *options) *cobra.Command {
	c := &cobra.Command{Use: "phone", Short: o.words.Say("cli.phone"), Args: exactly(0)}
	autoAnswer := c.Flags().Bool("auto-answer", false, o.words.Say("cli.flag.autoAnswer"))
	system := c.Flags().String("audio", "", o.words.Say("cli.flag.callAudio"))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return o.withAccount(func(e *engine.Engine) error {
			p, err := newTerminal(o, e, *system)
			if err != nil {
				return err
			}
			p.cfg.OnIncoming = func(call *softphone.Call) {
				p.tell(call, call.Status())
				if *autoAnswer {
					call.Answer()
				}
			}
			phone, err := softphone.New(p.cfg)
			if err != nil {
				return err
			}
			return phone.Run(cmd.Context())
		})
	}
	return c
}

// A terminal is a phone whose events are printed, as lines of JSON if that was
// asked for.
type terminal struct {
	o          *options
	region     office.Region
	cfg        softphone.Config            // its callbacks print
	registered chan softphone.Registration // the latest that is Registered or Refused, or Offline for good reason; capacity 1
}

// newTerminal returns a phone of the account on the sound system of that name.
func newTerminal(o *options, e *engine.Engine, system string) (*terminal, error) {
	if o.offline {
		return nil, office.ErrOffline
	}
	sound, err := audio.Parse(system)
	if err != nil {
		return nil, usageError{"cli.usage.value", []any{"flag", "--audio", "value", system}}
	}
	a, _ := e.Account()
	t := &terminal{o: o, region: o.region(e), registered: make(chan softphone.Registration, 1)}
	t.cfg = softphone.Config{
		Log: o.log, Audio: sound,
		Account:        softphone.Account{SIPAccount: a.SIP, Extension: a.Extension, Name: a.Name, Fingerprint: a.Fingerprint},
		OnRegistration: t.registration,
		OnCall:         t.tell,
	}
	return t, nil
}

// registration prints how the phone stands with the office.
func (t *terminal) registration(r softphone.Registration) {
	if r.State != softphone.Registering {
		select {
		case <-t.registered: // an older one that nobody took
		default:
		}
		t.registered <- r
	}
	if t.o.json {
		t.o.printJSON(r.Report(time.Now()))
		return
	}
	switch r.State {
	case softphone.Registered:
		fmt.Fprintln(t.o.out, t.o.words.Say("state.registered", "ext", string(t.cfg.Account.Extension)))
	case softphone.Refused:
		t.o.note(t.o.words.Say("state.refused"))
	case softphone.Offline:
		if r.Err != nil {
			t.o.note(t.o.words.Words(r.Err))
		}
	}
}

// tell prints how a call stands.
func (t *terminal) tell(c *softphone.Call, s softphone.Status) {
	if t.o.json {
		t.o.printJSON(c.Report(s, time.Now()))
		return
	}
	fmt.Fprintln(t.o.out, t.line(c, s))
}

// line says in one line how a call stands.
func (t *terminal) line(c *softphone.Call, s softphone.Status) string {
	w := t.o.words
	text := w.Name(c.Peer(), t.region) + ": "
	switch {
	case s.State == softphone.Dialing:
		text += w.Say("call.dialing")
	case s.State == softphone.Ringing && c.Incoming():
		text += w.Say("call.incoming")
	case s.State == softphone.Ringing:
		text += w.Say("call.ringing")
	case s.State == softphone.Active:
		text += w.Say("call.active")
	default:
		text += w.Say("call.ended")
		if d := s.Duration(time.Now()); d > 0 {
			text += " · " + model.Length(d)
		}
	}
	if s.AudioErr != nil && s.State != softphone.Ended {
		text = strings.TrimSuffix(text, "…") + ". " + w.Say("line.audioMissing")
	}
	return text
}

// settled waits until the phone is registered, and returns why it is not.
func (t *terminal) settled(ctx context.Context) error {
	for {
		select {
		case r := <-t.registered:
			switch r.State {
			case softphone.Registered:
				return nil
			case softphone.Refused:
				return usageError{key: "state.refused"}
			}
			if r.Err != nil {
				return r.Err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
