package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

func newCallCommand(o *options) *cobra.Command {
	var w callOptions
	c := &cobra.Command{Use: "call NUMBER", Short: o.words.Say("cli.call"), Args: exactly(1)}
	f := c.Flags()
	f.Bool("headless", false, o.words.Say("cli.flag.headless"))
	f.StringVar(&w.system, "audio", "", o.words.Say("cli.flag.callAudio"))
	f.DurationVar(&w.hold, "for", 0, o.words.Say("cli.flag.for"))
	f.StringVar(&w.digits, "dtmf", "", o.words.Say("cli.flag.dtmf"))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.Trim(w.digits, "0123456789*#ABCD") != "" {
			return usageError{"cli.usage.value", []any{"flag", "--dtmf", "value", w.digits}}
		}
		if w.hold < 0 {
			return usageError{"cli.usage.value", []any{"flag", "--for", "value", w.hold.String()}}
		}
		n, err := office.ParseNumber(args[0])
		if err != nil {
			return err
		}
		return o.withAccount(func(e *engine.Engine) error { return placeCall(cmd.Context(), o, e, n, w) })
	}
	return c
}

// callOptions are the flags of `timbre call`.
type callOptions struct {
	system string        // sound
	hold   time.Duration // then it hangs up; 0: never
	digits string        // sent once the call is answered
}

// registerTime is how long a phone may take to register before it dials.
const registerTime = 10 * time.Second

// placeCall dials n and stays until the call is over. It is an error unless
// somebody answered.
func placeCall(ctx context.Context, o *options, e *engine.Engine, n office.Number, w callOptions) error {
	t, err := newTerminal(o, e, w.system)
	if err != nil {
		return err
	}
	t.awaited.Store(true)
	active := make(chan struct{}, 1)
	t.cfg.OnCall = func(c *softphone.Call, s softphone.Status) {
		t.tell(c, s)
		if s.State == softphone.Active {
			select {
			case active <- struct{}{}:
			default:
			}
		}
	}
	phone, err := softphone.New(t.cfg)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- t.run(running, phone, e) }()
	err = t.converse(ctx, phone, n, w, active)
	stop()
	return errors.Join(err, <-ended)
}

// converse takes one call of a phone that runs from the first digit to the end.
func (t *terminal) converse(ctx context.Context, phone *softphone.Phone, n office.Number, w callOptions, active <-chan struct{}) error {
	limit, cancel := context.WithTimeoutCause(ctx, registerTime, office.ErrOffline)
	defer cancel()
	if err := t.settled(limit); err != nil {
		if n.IsEmergency(t.region) {
			return usageError{"callError.emergency", nil}
		}
		return err
	}
	t.awaited.Store(false)
	c, err := phone.Call(n)
	if err != nil {
		return err
	}
	interrupted, over := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case <-active:
			active = nil
			for _, d := range w.digits {
				if err := c.SendDigit(d); err != nil {
					t.o.note(t.o.words.Words(err))
				}
			}
			if w.hold > 0 {
				over = time.After(w.hold)
			}
		case <-over:
			c.Hangup()
		case <-interrupted:
			interrupted = nil
			c.Hangup()
		case <-c.Done():
			if s := c.Status(); s.AnsweredAt.IsZero() {
				return &unansweredError{s, n, t.region}
			}
			return nil
		}
	}
}

// An unansweredError is a call that nobody took.
type unansweredError struct {
	status softphone.Status
	number office.Number
	region office.Region
}

func (e *unansweredError) Error() string { return "not answered: " + string(e.status.Outcome) }
