// Command timbre is the telephone of an office extension on a computer: the
// desktop app, and everything that it can do from the command line. This package
// wires the parts together; what they do is theirs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	_ "timbre/app/locale" // before Fyne looks at the locale
	"timbre/app/model"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run runs one command and returns the exit status. Errors go to stderr in words.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := newOptions(stdin, stdout, stderr)
	root := newRoot(o)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(stderr, o.say(err))
		return 1
	}
	return 0
}

// newRoot returns the command line. Without a command the app starts.
func newRoot(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:               "timbre",
		Short:             o.words.Say("cli.timbre"),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(o.out)
	root.SetErr(o.errs)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	f := root.PersistentFlags()
	f.StringVar(&o.profile, "profile", "", o.words.Say("cli.flag.profile"))
	f.BoolVar(&o.offline, "offline", false, o.words.Say("cli.flag.offline"))
	f.BoolVar(&o.json, "json", false, o.words.Say("cli.flag.json"))
	root.Version = version()
	root.SetVersionTemplate("timbre {{.Version}}\n")
	root.Flags().Bool("version", false, o.words.Say("cli.help.version"))
	root.Args = unknownCommand
	demo := root.Flags().Bool("demo", false, "")
	root.Flags().MarkHidden("demo") // for make run
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		return o.openWindow(cmd.Context(), *demo)
	}
	// Each part of the product adds its commands here.
	root.AddCommand(
		newLoginCommand(o),
		newLogoutCommand(o),
		newPhoneCommand(o),
		newCallCommand(o),
		newVoicemailCommand(o),
		newLogCommand(o),
		newFaxCommand(o),
		newSearchCommand(o),
		newDirectoryCommand(o),
		newPrefsCommand(o),
		newGreetingCommand(o),
		newPasswordCommand(o),
		newPINCommand(o),
		newSessionsCommand(o),
		newSyncCommand(o),
		newRefusedCommand(o),
		newSelfTestCommand(o),
		newDiagnosticsCommand(o),
	)
	translateHelp(root, o.words)
	return root
}

// version is that of the module where it was built from a release, else of its
// commit.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// language returns the phrasebook of the environment's language.
func language(getenv func(string) string) *model.Phrasebook {
	return model.NewPhrasebook(model.LanguageOf(model.Locale(getenv)))
}
