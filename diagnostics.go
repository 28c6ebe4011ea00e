package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/softphone/audio"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newDiagnosticsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "diagnostics FILE", Short: o.words.Say("cli.diagnostics"), Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Lstat(args[0]); err == nil { // before anybody waits
				return fs.ErrExist
			}
			return o.withEngine(func(e *engine.Engine) error {
				text, err := o.diagnostics(cmd.Context(), e)
				if err != nil {
					return err
				}
				if err := writeNew(args[0], text); err != nil {
					return err
				}
				return o.print(csvAnswer{args[0]}, o.words.Say("cli.diagnostics.saved", "file", args[0]))
			})
		},
	}
}

// writeNew writes a file that is not there yet and that only the user can read. What it
// cannot write as a whole it leaves nothing of.
func writeNew(file, text string) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.WriteString(text)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

// askTime is how long each of sound system and office may take to answer.
const askTime = 3 * time.Second

// lastCalls is how many calls are told of.
const lastCalls = 20

// diagnostics returns what helps to find a problem. It holds neither secrets nor names of
// people nor whole numbers.
func (o *options) diagnostics(ctx context.Context, e *engine.Engine) (string, error) {
	var all strings.Builder
	w := o.words
	word := func(name string) string { return w.Say("cli.diagnostics." + name) }
	part := func(title string, t table) {
		fmt.Fprintf(&all, "\n%s\n\n%s", title, t.String())
	}
	fmt.Fprintf(&all, "%s\n\n%s", word("title"), o.aboutProgram())
	part(word("sound"), o.aboutSound(ctx))
	about, err := o.aboutOffice(ctx, e)
	if err != nil {
		return "", err
	}
	part(word("office"), about)
	if e.LoggedIn() {
		calls, err := o.aboutCalls(ctx, e)
		if err != nil {
			return "", err
		}
		part(word("calls"), calls)
	}
	return all.String(), ctx.Err()
}

// aboutProgram returns which program this is, and where.
func (o *options) aboutProgram() string {
	var t table
	t.add(o.words.Say("cli.diagnostics.made"), time.Now().Format(time.RFC3339))
	t.add(o.words.Say("cli.diagnostics.version"), version()+" · "+runtime.Version())
	t.add(o.words.Say("cli.diagnostics.system"), runtime.GOOS+"/"+runtime.GOARCH+" · "+strconv.Itoa(runtime.NumCPU())+" CPU")
	t.add(o.words.Say("cli.diagnostics.language"), string(o.words.Language))
	return t.String()
}

// aboutSound returns codecs, stages and devices.
func (o *options) aboutSound(ctx context.Context) (t table) {
	word := func(name string) string { return o.words.Say("cli.diagnostics." + name) }
	t.add(word("codecs"), "opus ("+softphone.OpusLibrary+"), G722, PCMA, PCMU")
	echo := "echo.no"
	if softphone.EchoAvailable {
		echo = "echo.yes"
	}
	t.add(word("echo"), word(echo))
	limit, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	devices, err := audio.List(limit)
	for _, capture := range []bool{true, false} {
		name, none := word("speaker"), word("devices.none")
		if capture {
			name = word("microphone")
		}
		if err != nil {
			none = word("devices.error")
		}
		of := slices.DeleteFunc(slices.Clone(devices), func(d audio.Device) bool { return d.Capture != capture })
		if len(of) == 0 {
			t.add(name, none)
		}
		for _, d := range of {
			text := office.CleanName(d.Name)
			if d.Default {
				text += " · " + word("default")
			}
			t.add(name, text)
		}
	}
	return t
}

// aboutOffice returns how things stand with the office.
func (o *options) aboutOffice(ctx context.Context, e *engine.Engine) (t table, err error) {
	word := func(name string, pairs ...any) string { return o.words.Say("cli.diagnostics."+name, pairs...) }
	if !e.LoggedIn() {
		t.add(word("account"), word("account.none"))
		return t, nil
	}
	a, _ := e.Account()
	t.add(word("account"), word("account.some", "ext", a.Extension))
	t.add(word("registration"), o.askRegistration(ctx, e))
	standing := o.words.Words(office.ErrOffline)
	if !o.offline {
		limit, cancel := context.WithTimeout(ctx, askTime)
		err := e.SyncOnce(limit)
		cancel()
		if standing = o.words.Words(err); err == nil {
			standing = word("sync.good")
		}
	}
	t.add(word("sync"), standing)
	refused, err := e.Refused(ctx)
	if err != nil {
		return t, err
	}
	s := e.Status()
	t.add(word("pending"), strconv.Itoa(s.Pending))
	t.add(word("refused"), strconv.Itoa(len(refused)))
	secrets := "secrets.keychain"
	if s.SecretsInFile {
		secrets = "secrets.file"
	}
	t.add(word("secrets"), word(secrets))
	return t, nil
}

// askRegistration registers for a moment and says what came of it.
func (o *options) askRegistration(ctx context.Context, e *engine.Engine) string {
	quiet := *o // what happens is told in the file
	quiet.json, quiet.out, quiet.errs = false, &strings.Builder{}, &strings.Builder{}
	t, err := newTerminal(&quiet, e, "null")
	if err != nil {
		return o.words.Words(err)
	}
	phone, err := softphone.New(t.cfg)
	if err != nil {
		return o.words.Words(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- phone.Run(running) }()
	limit, cancel := context.WithTimeoutCause(ctx, askTime, office.ErrOffline)
	defer cancel()
	err = t.settled(limit)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return o.words.Words(err)
	}
	return o.words.Say("cli.selftest.fine")
}

// aboutCalls returns how the last calls went.
func (o *options) aboutCalls(ctx context.Context, e *engine.Engine) (t table, err error) {
	calls, err := e.Calls(ctx, local.Filter{Limit: lastCalls})
	if err != nil {
		return t, err
	}
	if len(calls) == 0 {
		t.add(o.words.Say("cli.diagnostics.calls.none"))
	}
	region := o.region(e)
	for _, c := range calls {
		number := c.Peer.Number.LogValue().String()
		c.Peer = office.Party{} // nobody's name or number gets into what follows
		c.ForwardedTo, c.AnsweredBy = "", ""
		outcome, _ := o.words.Outcome(c.Call, region)
		t.add(c.StartedAt.Local().Format(time.DateTime), o.words.Say("kind."+string(c.Kind)), number, outcome, c.Reason, o.measured(c.Quality))
	}
	return t, nil
}

// measured returns what the devices of the extension said of a call.
func (o *options) measured(of map[office.ID]office.Quality) string {
	w := o.words
	var each []string
	for _, q := range of {
		text := fmt.Sprintf("%s, %s %s, %s %.0f ms, %s %.0f ms", q.Codec, w.Say("cli.selftest.loss"), percent(q.Loss),
			w.Say("cli.selftest.jitter"), 1000*q.Jitter, w.Say("cli.diagnostics.delay"), 1000*q.Delay)
		if q.MOS > 0 {
			text += fmt.Sprintf(", %s %s, MOS %.1f", w.Say("cli.diagnostics.concealed"), percent(q.Concealed), q.MOS)
		}
		each = append(each, text)
	}
	slices.Sort(each)
	return strings.Join(each, "; ")
}
