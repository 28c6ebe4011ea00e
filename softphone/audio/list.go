package audio

import (
	"context"
	"slices"
)

// A Device is a sound device that a user may choose.
type Device struct {
	ID      string // opaque; the same after a restart
	Name    string // for the eye
	Capture bool   // a microphone, else a speaker
	Default bool

	monitor bool // hears what a speaker plays, which is no microphone but for whoever names it
}

// List returns the sound devices that are there now, without the monitors of
// speakers. A machine without any has none, which is no error. It returns
// ctx's error where the sound system does not answer in time.
func List(ctx context.Context) ([]Device, error) {
	devices, err := list(ctx, systemLibrary())
	return slices.DeleteFunc(devices, func(d Device) bool { return d.monitor }), err
}

// list does so on its own goroutine, for the sound system may hang.
func list(ctx context.Context, h hardware) ([]Device, error) {
	result := make(chan census, 1)
	go func() { result <- count(h) }()
	select {
	case c := <-result:
		return c.devices, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
