package audio

import (
	"context"
	"fmt"
	"strings"

	"github.com/gen2brain/malgo"
)

// A Device is a sound device that a user may choose.
type Device struct {
	ID      string // opaque; the same after a restart
	Name    string // for the eye
	Capture bool   // a microphone, else a speaker
	Default bool
}

// List returns the sound devices that are there now, without the monitors of
// speakers. A machine without any has none, which is no error. It returns
// ctx's error where the sound system does not answer in time.
func List(ctx context.Context) ([]Device, error) { return list(ctx, backends()) }

// list does so on its own goroutine, for the sound system may hang.
func list(ctx context.Context, backends []malgo.Backend) ([]Device, error) {
	type answer struct {
		devices []Device
		err     error
	}
	result := make(chan answer, 1)
	go func() {
		devices, err := ask(backends)
		result <- answer{devices, err}
	}()
	select {
	case a := <-result:
		return a.devices, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask asks the first sound system that is there.
func ask(backends []malgo.Backend) ([]Device, error) {
	c, err := malgo.InitContext(backends, malgo.ContextConfig{}, nil)
	if err != nil {
		return nil, nil // no sound system at all
	}
	defer c.Free()
	defer c.Uninit()
	var devices []Device
	for _, kind := range []malgo.DeviceType{malgo.Playback, malgo.Capture} {
		infos, err := c.Devices(kind)
		if err != nil {
			return nil, fmt.Errorf("listing sound devices: %w", err)
		}
		for _, i := range infos {
			if strings.HasPrefix(i.Name(), "Monitor of ") {
				continue // what a speaker plays is no microphone
			}
			devices = append(devices, Device{
				ID: i.ID.String(), Name: i.Name(), Capture: kind == malgo.Capture, Default: i.IsDefault != 0,
			})
		}
	}
	return devices, nil
}
