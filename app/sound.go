package app

import (
	"context"
	"errors"
	"sync"

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
func (d *desktop) openSound(path string) (model.Sound, error) {
	p, err := audio.OpenMP3(path)
	if err != nil {
		return nil, err
	}
	return &message{p, d.opts.Audio}, nil
}

// Run plays the message. Where there is no speaker it says so at once, rather
// than play to nobody.
func (m *message) Run(ctx context.Context) error {
	playing, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var trouble error // guarded by mu
	m.Trouble = func(err error) {
		if errors.Is(err, audio.ErrNoDevice) {
			mu.Lock()
			trouble = err
			mu.Unlock()
			stop()
		}
	}
	err := m.Player.Run(playing, m.system)
	mu.Lock()
	defer mu.Unlock()
	if trouble != nil {
		return trouble
	}
	return err
}

// ringBell rings until ctx ends.
func (d *desktop) ringBell(ctx context.Context) {
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
