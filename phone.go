package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
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
			return p.run(cmd.Context(), phone, e)
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
	awaited    atomic.Bool                 // settled says why the phone is not registered, nobody else does
	told       string                      // what was last said of the registration; of the goroutine of the callbacks
	call       office.ID                   // of which line was last said; of that goroutine too
	line       string
	ratings    chan rating // of calls that are over; closed by run
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
	if err := o.checkSound(sound); err != nil {
		return nil, err
	}
	a, _ := e.Account()
	if len(a.SIP.URIs) == 0 { // the keychain is gone
		return nil, office.ErrSession
	}
	t := &terminal{o: o, region: o.region(e), registered: make(chan softphone.Registration, 1), ratings: make(chan rating, 16)}
	t.cfg = softphone.Config{
		Log: o.log, Audio: sound,
		Account:        softphone.Account{SIPAccount: a.SIP, Extension: a.Extension, Name: a.Name, Fingerprint: a.Fingerprint},
		OnRegistration: t.registration,
		OnCall:         t.tell,
	}
	if _, ok := sound.(audio.WAV); ok { // what is in a file is sent as it is
		t.cfg.Without = softphone.AllStages
	}
	return t, nil
}

// checkSound looks at the files of a WAV before a call needs them, when it would
// be too late to say so.
func (o *options) checkSound(sound audio.System) error {
	w, ok := sound.(audio.WAV)
	if !ok {
		return nil
	}
	for _, f := range []struct {
		name string
		flag int
	}{{w.In, os.O_RDONLY}, {w.Out, os.O_WRONLY | os.O_CREATE}} {
		if f.name == "" {
			continue
		}
		opened, err := os.OpenFile(f.name, f.flag, 0o666)
		if err != nil {
			return usageError{"cli.usage.sound", []any{"file", f.name, "reason", o.words.Words(err)}}
		}
		opened.Close()
	}
	return nil
}

// registration prints how the phone stands with the office, each news once.
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
	text := t.o.words.Say("state.registered", "ext", string(t.cfg.Account.Extension))
	if r.State != softphone.Registered {
		text = t.o.words.Words(unregistered(r))
	}
	if text == "" || text == t.told {
		return
	}
	switch {
	case r.State == softphone.Registered:
		fmt.Fprintln(t.o.out, text)
	case t.awaited.Load():
		return
	default:
		t.o.note(text)
	}
	t.told = text
}

// unregistered returns why a phone is not registered, as an error of package
// office; nil where it is or will be soon.
func unregistered(r softphone.Registration) error {
	var known office.Error
	switch {
	case r.State == softphone.Refused: // the office does not know this device any more
		return office.ErrSession
	case r.State != softphone.Offline || r.Err == nil:
		return nil
	case errors.As(r.Err, &known):
		return known
	}
	return office.ErrOffline
}

// tell prints how a call stands, each news once.
func (t *terminal) tell(c *softphone.Call, s softphone.Status) {
	defer t.rate(c, s)
	if t.o.json {
		t.o.printJSON(c.Report(s, time.Now()))
		return
	}
	t.say(c.ID(), t.stands(c.Incoming(), c.Peer(), s))
}

// say prints a line about a call, unless it is empty or was printed just before.
func (t *terminal) say(call office.ID, line string) {
	if line == "" || call == t.call && line == t.line {
		return
	}
	t.call, t.line = call, line
	fmt.Fprintln(t.o.out, line)
}

// stands says in one line how a call stands; nothing of an outgoing one that came to
// nothing, as the command ends with words for that.
func (t *terminal) stands(incoming bool, peer office.Party, s softphone.Status) string {
	w := t.o.words
	text := w.Name(peer, t.region) + ": "
	switch {
	case s.State == softphone.Dialing:
		text += w.Say("call.dialing")
	case s.State == softphone.Ringing && incoming:
		text += w.Say("call.incoming")
	case s.State == softphone.Ringing:
		text += w.Say("call.ringing")
	case s.State == softphone.Active:
		text += w.Say("call.active")
	case !s.AnsweredAt.IsZero():
		text += w.Say("call.ended")
		if d := s.Duration(time.Now()); d > 0 {
			text += " · " + model.Length(d)
		}
	case !incoming:
		return ""
	default:
		outcome, _ := w.Outcome(office.Call{Kind: office.KindOf(s.Outcome), Outcome: s.Outcome}, t.region)
		text += outcome
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
			if err := unregistered(r); err != nil || r.State == softphone.Registered {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
