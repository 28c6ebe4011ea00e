package audio

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/gen2brain/malgo"
)

// nullBackend keeps real time without a device. The library's own constant is
// off by one.
const nullBackend = malgo.Backend(14)

// A library is the sound library with those of its sound systems that are tried,
// best first.
type library []malgo.Backend

// systemLibrary returns what to try on this system. The library's own list ends
// with the null backend, which would hide that there is no device.
func systemLibrary() library {
	switch runtime.GOOS {
	case "windows":
		return library{malgo.BackendWasapi, malgo.BackendDsound, malgo.BackendWinmm}
	case "darwin":
		return library{malgo.BackendCoreaudio}
	case "linux":
		// ALSA writes pages to standard error where it finds no card, and JACK
		// ends the process where no server runs: whoever has one has PulseAudio
		// or PipeWire before it.
		if cards, _ := filepath.Glob("/dev/snd/pcm*"); len(cards) == 0 {
			return library{malgo.BackendPulseaudio}
		}
		return library{malgo.BackendPulseaudio, malgo.BackendAlsa}
	}
	return library{malgo.BackendPulseaudio, malgo.BackendSndio, malgo.BackendOss}
}

// contextTurn is held by whoever begins or ends to use the library, which loads
// and unloads the system's: two at once have ended the process where there was no
// sound card. It belongs to the process, as those do.
var contextTurn = make(chan struct{}, 1)

// turnPatience is how long one waits for one's turn behind another who hangs.
const turnPatience = 5 * time.Second

// begin returns a context of the library, for one device or list.
func (l library) begin() (*malgo.AllocatedContext, error) {
	late := time.NewTimer(turnPatience)
	defer late.Stop()
	select {
	case contextTurn <- struct{}{}:
	case <-late.C:
		return nil, fmt.Errorf("opening the sound system: it does not answer: %w", ErrNoDevice)
	}
	defer func() { <-contextTurn }()
	c, err := malgo.InitContext(l, malgo.ContextConfig{}, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the sound system: %w: %w", ErrNoDevice, err)
	}
	return c, nil
}

// end lets go of a context.
func end(c *malgo.AllocatedContext) {
	contextTurn <- struct{}{}
	defer func() { <-contextTurn }()
	c.Uninit()
	c.Free()
}

// list implements hardware.
func (l library) list() ([]Device, error) {
	c, err := l.begin()
	if err != nil {
		return nil, nil // no sound system at all
	}
	defer end(c)
	var devices []Device
	for _, kind := range []malgo.DeviceType{malgo.Playback, malgo.Capture} {
		infos, err := c.Devices(kind)
		if err != nil {
			return nil, fmt.Errorf("listing sound devices: %w", err)
		}
		for _, i := range infos {
			devices = append(devices, Device{
				ID: i.ID.String(), Name: i.Name(), Capture: kind == malgo.Capture, Default: i.IsDefault != 0,
				monitor: strings.HasPrefix(i.Name(), "Monitor of "),
			})
		}
	}
	return devices, nil
}

// sticky implements hardware. The automatic routing of WASAPI, which can hang, is
// switched off.
func (l library) sticky() bool { return runtime.GOOS == "windows" }

// A libraryDevice is a device of the library.
type libraryDevice struct {
	context *malgo.AllocatedContext
	device  *malgo.Device
}

// open implements hardware.
func (l library) open(o order) (handle, error) {
	c, err := l.begin()
	if err != nil {
		return nil, err
	}
	d, err := openDevice(c, o)
	if err != nil {
		end(c)
		return nil, fmt.Errorf("opening sound device %.20q: %w: %w", o.id, ErrNoDevice, err)
	}
	return &libraryDevice{c, d}, nil
}

func openDevice(c *malgo.AllocatedContext, o order) (*malgo.Device, error) {
	kind, data := malgo.Playback, func(out, _ []byte, _ uint32) { o.data(samples(out)) }
	if o.capture {
		kind, data = malgo.Capture, func(_, in []byte, _ uint32) { o.data(samples(in)) }
	}
	cfg := malgo.DefaultDeviceConfig(kind)
	cfg.SampleRate = 0 // the device's own; with it WASAPI has its low latency too
	cfg.PeriodSizeInMilliseconds = uint32(o.period / time.Millisecond)
	cfg.NoFixedSizedCallback = 1 // frames are cut here
	cfg.Wasapi.NoAutoStreamRouting = 1
	cfg.Pulse.StreamNamePlayback, cfg.Pulse.StreamNameCapture = "Timbre", "Timbre"
	sub := &cfg.Playback
	if o.capture {
		sub = &cfg.Capture
	}
	sub.Format, sub.Channels = malgo.FormatS16, 1
	if o.id != "" {
		b, err := hex.DecodeString(o.id)
		var raw malgo.DeviceID
		if err != nil || copy(raw[:], b) != len(b) {
			return nil, malgo.ErrNoDevice
		}
		var pin runtime.Pinner
		pin.Pin(&raw)
		defer pin.Unpin() // the library copies it
		sub.DeviceID = unsafe.Pointer(&raw)
	}
	return malgo.InitDevice(c.Context, cfg, malgo.DeviceCallbacks{Data: data})
}

// samples returns b, which comes from C and is aligned, as 16-bit samples.
func samples(b []byte) []int16 {
	if len(b) < 2 {
		return nil
	}
	return unsafe.Slice((*int16)(unsafe.Pointer(&b[0])), len(b)/2)
}

func (d *libraryDevice) rate() int { return int(d.device.SampleRate()) }

func (d *libraryDevice) start() error {
	if err := d.device.Start(); err != nil {
		return fmt.Errorf("starting sound device: %w: %w", ErrNoDevice, err)
	}
	return nil
}

// free stops the device first, which wakes the library's thread: one that waits
// for a PulseAudio device that was pulled out is not woken by the end alone.
func (d *libraryDevice) free() {
	d.device.Stop()
	d.device.Uninit()
	end(d.context)
}
