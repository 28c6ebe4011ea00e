// Package audio is the sound of the desk: microphone, speaker and ringer
// through malgo, virtual devices that need none of them, and players for
// voicemail and ringtones. It knows nothing of calls: softphone hands it a
// media.Stream. It is the only importer of malgo.
//
// Start at Parse, which turns the words of --audio into a System, and at
// Devices.
package audio

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"timbre/internal/media"
)

// The troubles of which a media.Stream is told. The call goes on through all of
// them.
var (
	ErrNoDevice   = errors.New("no sound device")
	ErrDeviceLost = errors.New("sound device lost")
	ErrOther      = media.ErrOtherDevice
	ErrSilent     = errors.New("the microphone gives no sound at all")
)

// A System is a place where sound comes from and goes to. It may run several
// streams at once.
type System interface {
	// Run carries s until ctx ends and then returns nil, when neither Source nor
	// Sink will be called again. A device that is missing or fails is no error:
	// s.Trouble is told, and silence keeps time until it is back. The error is
	// for what cannot be helped, such as a file that cannot be written.
	Run(ctx context.Context, s media.Stream) error
}

// Parse returns the system that s names: "" or "default" the sound devices,
// "device:MICROPHONE,SPEAKER" those of that name or ID (either may be empty),
// "null" silence, "wav:IN,OUT" files (either may be empty), "tone:HZ" a steady
// tone.
func Parse(s string) (System, error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch kind {
	case "", "default":
		if rest == "" {
			return &Devices{}, nil
		}
	case "device":
		in, out, ok := strings.Cut(rest, ",")
		if ok && (in != "" || out != "") {
			return named(in, out), nil
		}
	case "null":
		if rest == "" {
			return Null{}, nil
		}
	case "wav":
		in, out, ok := strings.Cut(rest, ",")
		if ok && (in != "" || out != "") {
			return WAV{In: in, Out: out}, nil
		}
	case "tone":
		hz, err := strconv.ParseFloat(rest, 64)
		if err == nil && hz >= 20 && hz <= 20000 {
			return Tone{Hz: hz}, nil
		}
	}
	return nil, fmt.Errorf("audio %q is none of: default, device:MICROPHONE,SPEAKER, null, wav:IN,OUT, tone:HZ", s)
}

// named returns the devices with those names; the default one where it is empty.
func named(microphone, speaker string) *Devices {
	s := DefaultSettings()
	if microphone != "" {
		s.Microphone.Names = []string{microphone}
	}
	if speaker != "" {
		s.Speaker.Names = []string{speaker}
	}
	d := &Devices{}
	d.Set(s)
	return d
}
