package softphone

import (
	"sync/atomic"
	"time"

	"timbre/internal/media"
	"timbre/internal/ua"
)

// rate is that of the sound of a call, in samples per second, whatever the codec's.
const rate = 16000

// A packet is what we send at once: 20 ms.
const (
	packetsPerSecond = 50
	packetSamples    = rate / packetsPerSecond
)

// Stages are what is done to the sound of the microphone before it is sent.
type Stages uint8

// The stages. The first two are in no binary for which media.EchoAvailable is false.
const (
	EchoCancellation Stages = 1 << iota // takes out what the speaker says
	NoiseSuppression
	AutomaticGain // brings whoever speaks to the same loudness

	AllStages = EchoCancellation | NoiseSuppression | AutomaticGain
)

// A voice is the path of the sound between one leg and the sound device. Its
// only clock is the device's: what the microphone hears leaves at once, and
// playback pulls what has arrived. Nothing here waits for anything, and but for a
// new codec nothing is allocated.
type voice struct {
	echo    *media.Echo // the phone's
	playout *media.Playout
	leg     atomic.Pointer[ua.Leg] // nil until answered: nothing is sent
	muted   atomic.Bool
	ringing atomic.Bool      // the far side rings: playback hears the tone
	tone    *media.Generator // owned by source

	playing, hearing pulse // of the sound device

	gain    *media.Gain          // owned by sink, like all below
	frame   [packetSamples]int16 // what the next packet holds
	have    int                  // samples in frame
	codec   string               // that of encoder
	encoder media.Encoder        // nil before the first packet, and where we do not speak the codec
	packet  ua.Packet
}

// newVoice returns a voice whose microphone goes through all stages but those of
// without; echo, which is the phone's, knows of its own already.
func newVoice(echo *media.Echo, without Stages) *voice {
	v := &voice{
		echo:    echo,
		playout: media.NewPlayout(rate),
		tone:    media.Ringback("MX").Generator(rate),
		gain:    media.NewGain(rate),
	}
	v.gain.Use(without&AutomaticGain == 0)
	return v
}

// ringback switches the tone on or off that a caller hears while the far side
// rings.
func (v *voice) ringback(on bool) { v.ringing.Store(on) }

// connect lets the two sides hear each other.
func (v *voice) connect(leg *ua.Leg) {
	v.ringing.Store(false)
	v.leg.Store(leg)
}

// source fills frame with what is to be heard next.
func (v *voice) source(frame []int16) {
	v.playing.beat(time.Now())
	if v.ringing.Load() {
		v.tone.Read(frame)
	} else {
		v.playout.Pull(frame)
	}
	v.echo.Played(frame)
}

// sink sends what the microphone heard. The stages work before the answer too: the
// room is known then.
func (v *voice) sink(frame []int16) {
	v.hearing.beat(time.Now())
	fresh := v.frame[v.have : v.have+copy(v.frame[v.have:], frame)]
	v.echo.Heard(fresh)
	v.gain.Heard(fresh)
	if v.muted.Load() {
		clear(fresh)
	}
	if v.have += len(fresh); v.have < packetSamples {
		return
	}
	v.have = 0
	if leg := v.leg.Load(); leg != nil {
		v.send(leg)
	}
}

// send sends frame. A packet that cannot be sent is lost: that the call is over is
// told elsewhere, and a network that is gone may come back.
func (v *voice) send(leg *ua.Leg) {
	c, p := leg.Codec(), &v.packet
	if v.codec != c.Name { // the first one, or a re-INVITE changed it
		v.codec = c.Name
		v.encoder, _ = media.NewCallEncoder(c.Name)
		p.SSRC++ // a source with another clock
		p.Marker = true
	}
	if v.encoder == nil {
		return
	}
	if p.Payload = v.encoder.Encode(p.Payload[:0], v.frame[:]); len(p.Payload) > 0 {
		_ = leg.WritePacket(p)
	}
	p.Sequence++
	p.Marker = false
	p.Timestamp += uint32(c.Clock / packetsPerSecond)
}

// hear takes what the far side says of leg from now on.
func (v *voice) hear(leg *ua.Leg) {
	var format *media.Format // of codec; nil where we do not speak it
	codec := ""
	leg.Listen(func(p *ua.Packet) {
		a := media.Arrival{SSRC: p.SSRC, Sequence: p.Sequence, Timestamp: p.Timestamp}
		if !p.Event {
			if name := leg.Codec().Name; name != codec { // a re-INVITE changed it
				codec = name
				format, _ = media.NewFormat(name)
			}
			a.Payload, a.Format = p.Payload, format
		}
		v.playout.Push(a)
	})
}
