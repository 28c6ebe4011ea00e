package softphone

import (
	"sync/atomic"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// rate is the clock of G.711, in samples per second.
const rate = 8000

// packetSamples is what one packet holds: 20 ms.
const packetSamples = rate / 50

// A voice is the path of the sound between one leg and the sound device. Its
// only clock is the device's: what the microphone hears leaves at once, and
// playback pulls what has arrived. Nothing here waits for anything.
type voice struct {
	playout *media.Playout
	leg     atomic.Pointer[ua.Leg] // nil until answered: nothing is sent
	muted   atomic.Bool
	ringing atomic.Bool      // the far side rings: playback hears the tone
	tone    *media.Generator // owned by source

	frame     [packetSamples]int16 // owned by sink, like all below
	have      int                  // samples in frame
	packet    ua.Packet
	timestamp uint32
}

func newVoice() *voice {
	return &voice{
		playout: media.NewPlayout(rate),
		tone:    media.Ringback("MX").Generator(rate),
		packet:  ua.Packet{Payload: make([]byte, packetSamples), SSRC: 1, Marker: true},
	}
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
	if v.ringing.Load() {
		v.tone.Read(frame)
		return
	}
	v.playout.Pull(frame)
}

// sink sends what the microphone heard.
func (v *voice) sink(frame []int16) {
	leg := v.leg.Load()
	if leg == nil {
		return
	}
	for len(frame) > 0 {
		n := copy(v.frame[v.have:], frame)
		if v.muted.Load() {
			clear(v.frame[v.have : v.have+n])
		}
		frame, v.have = frame[n:], v.have+n
		if v.have < packetSamples {
			return
		}
		v.have = 0
		lawOf(leg).Encode(v.packet.Payload, v.frame[:])
		v.packet.Timestamp = v.timestamp
		if err := leg.WritePacket(&v.packet); err != nil {
			return // the call is over
		}
		v.packet.Sequence++
		v.packet.Marker = false
		v.timestamp += packetSamples
	}
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

// lawOf returns how the leg's sound is compressed now; a re-INVITE may change it.
func lawOf(leg *ua.Leg) media.Law {
	if leg.Codec().Is(sdp.PCMU) {
		return media.PCMU
	}
	return media.PCMA
}
