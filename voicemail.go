package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/softphone/audio"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newVoicemailCommand(o *options) *cobra.Command {
	w := o.words
	play := &cobra.Command{Use: "play ID", Short: w.Say("cli.voicemail.play"), Args: exactly(1)}
	system := play.Flags().String("audio", "", w.Say("cli.flag.audio"))
	play.RunE = o.onVoicemail(func(ctx context.Context, e *engine.Engine, id office.ID, _ []string) error {
		return playVoicemail(ctx, o, e, id, *system)
	})
	return group("voicemail", w.Say("cli.voicemail"),
		&cobra.Command{Use: "list", Short: w.Say("cli.voicemail.list"), Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withAccount(func(e *engine.Engine) error { return listVoicemails(cmd.Context(), o, e) })
		}},
		play,
		&cobra.Command{Use: "mark ID new|heard", Short: w.Say("cli.voicemail.mark"), Args: exactly(2), RunE: o.onVoicemail(
			func(ctx context.Context, e *engine.Engine, id office.ID, args []string) error {
				if args[0] != "new" && args[0] != "heard" {
					return usageError{"cli.usage.mark", []any{"value", args[0]}}
				}
				if err := o.edit(ctx, e, subject{of: local.VoicemailType, object: id}, func() error { return e.MarkVoicemail(ctx, id, args[0] == "new") }); err != nil {
					return err
				}
				return o.print(markAnswer{id, args[0] == "new", e.Status().Pending > 0}, o.words.Say("cli.marked."+args[0]))
			})},
		&cobra.Command{Use: "download ID FILE", Short: w.Say("cli.voicemail.download"), Args: exactly(2), RunE: o.onVoicemail(
			func(ctx context.Context, e *engine.Engine, id office.ID, args []string) error {
				return downloadVoicemail(ctx, o, e, id, args[0])
			})},
		&cobra.Command{Use: "delete ID", Short: w.Say("cli.voicemail.delete"), Args: exactly(1), RunE: o.onVoicemail(
			func(ctx context.Context, e *engine.Engine, id office.ID, _ []string) error {
				if err := o.edit(ctx, e, subject{of: local.VoicemailType, object: id}, func() error { return e.DeleteVoicemailNow(ctx, id) }); err != nil {
					return err
				}
				return o.print(deleteAnswer{id, true, e.Status().Pending > 0}, o.words.Say("cli.deleted"))
			})},
	)
}

// onVoicemail returns a command's function for one message; args are what
// follows its ID.
func (o *options) onVoicemail(do func(ctx context.Context, e *engine.Engine, id office.ID, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return o.withAccount(func(e *engine.Engine) error {
			return do(cmd.Context(), e, office.ID(args[0]), args[1:])
		})
	}
}

func listVoicemails(ctx context.Context, o *options, e *engine.Engine) error {
	if err := o.sync(ctx, e); err != nil {
		return err
	}
	now, region := time.Now(), o.region(e)
	return printList(ctx, o, local.Filter{}, e.Voicemails, "voicemail.empty", func(v local.Voicemail) []string {
		marker := ""
		if v.IsNew {
			marker = o.words.Say("voicemail.new")
		}
		return []string{
			string(v.ID), o.words.When(v.ReceivedAt, now), model.Length(time.Duration(v.Duration)),
			o.words.Name(v.From, region), o.words.Under(v.From, region), marker,
		}
	})
}

// downloadVoicemail copies the MP3 of a message to a file that is not there yet.
func downloadVoicemail(ctx context.Context, o *options, e *engine.Engine, id office.ID, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fs.ErrExist
	}
	if err := o.find(ctx, e, func() error { return e.Download(ctx, id, file) }); err != nil {
		return err
	}
	return o.print(downloadAnswer{id, file}, o.words.Say("voicemail.saved", "file", file))
}

// playVoicemail plays a message to its end and clears its new marker.
func playVoicemail(ctx context.Context, o *options, e *engine.Engine, id office.ID, system string) error {
	sound, err := audio.Parse(system)
	if err != nil {
		return usageError{"cli.usage.value", []any{"flag", "--audio", "value", system}}
	}
	var file io.ReadSeekCloser
	err = o.find(ctx, e, func() (err error) { file, err = e.Audio(ctx, id); return err })
	if err != nil {
		return err
	}
	player, err := audio.ReadMP3(file)
	file.Close()
	if err != nil {
		return usageError{"error.badAudio", nil}
	}
	if err := player.Run(ctx, sound); err != nil {
		if errors.Is(err, audio.ErrNoDevice) {
			return usageError{"error.audio", nil}
		}
		return err
	}
	if err := o.edit(ctx, e, subject{of: local.VoicemailType, object: id}, func() error { return e.MarkVoicemail(ctx, id, false) }); err != nil || !o.json {
		return err
	}
	return o.printJSON(markAnswer{id, false, e.Status().Pending > 0})
}

// What the commands that do something with a message answer with --json. Pending
// says that changes wait to be sent.
type (
	markAnswer struct {
		ID      office.ID `json:"id"`
		IsNew   bool      `json:"isNew"`
		Pending bool      `json:"pending"`
	}
	deleteAnswer struct {
		ID      office.ID `json:"id"`
		Deleted bool      `json:"deleted"`
		Pending bool      `json:"pending"`
	}
	downloadAnswer struct {
		ID   office.ID `json:"id"`
		File string    `json:"file"`
	}
)
