package app

import (
	"context"
	"io"

	"timbre/app/model"
	"timbre/assets"
	"timbre/softphone/audio"
)

// A message is a voicemail on the app's sound devices: a model.Sound.
type message struct {
	*audio.Player
	system audio.System
}

// openSound reads the sound of a message.
func (d *shell) openSound(r io.Reader) (model.Sound, error) {
	p, err := audio.ReadMP3(r)
	if err != nil {
		return nil, err
	}
	return &message{p, d.opts.Audio}, nil
}

// Run plays the message.
func (m *message) Run(ctx context.Context) error { return m.Player.Run(ctx, m.system) }

// ringBell rings until ctx ends.
func (d *shell) ringBell(ctx context.Context) {
	d.work.Go(func() {
		wav, err := assets.Sounds.ReadFile("sounds/ringtone.wav")
		if err == nil {
			err = audio.RingWAV(ctx, d.opts.Audio, wav)
		}
		if err != nil && ctx.Err() == nil {
			d.log.Warn("ringing", "err", err)
		}
	})
}
