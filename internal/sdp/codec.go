package sdp

import (
	"strconv"
	"strings"
)

// A Codec is one format of a media line: what a=rtpmap and a=fmtp say of one
// payload type. Two codecs are the same by name, clock and channels, never by
// payload type, which each side chooses for itself.
type Codec struct {
	Name        string // as registered, such as "PCMA"; compared without case
	Clock       int    // Hz
	Channels    int    // 0 counts as 1
	PayloadType uint8
	Fmtp        string // format parameters, without the payload type; empty where there are none
}

// The codecs that Timbre itself speaks, with their usual payload types.
var (
	PCMU           = Codec{Name: "PCMU", Clock: 8000, Channels: 1, PayloadType: 0}
	PCMA           = Codec{Name: "PCMA", Clock: 8000, Channels: 1, PayloadType: 8}
	G722           = Codec{Name: "G722", Clock: 8000, Channels: 1, PayloadType: 9} // 16 kHz sound, 8 kHz clock: an old mistake kept
	Opus           = Codec{Name: "opus", Clock: 48000, Channels: 2, PayloadType: 96, Fmtp: "useinbandfec=1"}
	TelephoneEvent = Codec{Name: "telephone-event", Clock: 8000, Channels: 1, PayloadType: 101, Fmtp: "0-16"}
)

// Is reports whether c and o are the same format, whatever their payload types.
func (c Codec) Is(o Codec) bool {
	return c.Clock == o.Clock && max(c.Channels, 1) == max(o.Channels, 1) && strings.EqualFold(c.Name, o.Name)
}

// IsEvent reports whether c carries telephone events (RFC 4733) and no sound.
func (c Codec) IsEvent() bool { return strings.EqualFold(c.Name, "telephone-event") }

// isComfort reports whether c is comfort noise (RFC 3389), which accompanies a
// codec and is none that a call can be held in.
func (c Codec) isComfort() bool { return strings.EqualFold(c.Name, "CN") }

// IsSound reports whether a call can be held in c.
func (c Codec) IsSound() bool { return c.Name != "" && !c.IsEvent() && !c.isComfort() }

// rtpmap returns the value of the codec's a=rtpmap line.
func (c Codec) rtpmap() string {
	s := strconv.Itoa(int(c.PayloadType)) + " " + c.Name + "/" + strconv.Itoa(c.Clock)
	if c.Channels > 1 {
		s += "/" + strconv.Itoa(c.Channels)
	}
	return s
}

// Common returns the codecs of offered that are also in ours, in the order of
// offered and with its payload types, as RFC 3264 §6.1 wants an answer. Of
// telephone-event only the one with the clock of the first sound codec is kept,
// or the first where none fits.
func Common(offered, ours []Codec) []Codec {
	var out []Codec
	for _, o := range offered {
		for _, c := range ours {
			if o.Is(c) {
				out = append(out, o)
				break
			}
		}
	}
	return oneEvent(out)
}

// oneEvent drops all telephone-events from codecs but the best.
func oneEvent(codecs []Codec) []Codec {
	clock, best := 0, -1
	for _, c := range codecs {
		if c.IsSound() {
			clock = c.Clock
			break
		}
	}
	for i, c := range codecs {
		if c.IsEvent() && (best < 0 || c.Clock == clock && codecs[best].Clock != clock) {
			best = i
		}
	}
	out := codecs[:0]
	for i, c := range codecs {
		if !c.IsEvent() || i == best {
			out = append(out, c)
		}
	}
	return out
}

// static holds the formats of RFC 3551 that need no a=rtpmap.
var static = map[uint8]Codec{
	0: PCMU,
	3: {Name: "GSM", Clock: 8000, Channels: 1, PayloadType: 3},
	4: {Name: "G723", Clock: 8000, Channels: 1, PayloadType: 4},
	8: PCMA,
	9: G722,
	// 13 is comfort noise.
	13: {Name: "CN", Clock: 8000, Channels: 1, PayloadType: 13},
	15: {Name: "G728", Clock: 8000, Channels: 1, PayloadType: 15},
	18: {Name: "G729", Clock: 8000, Channels: 1, PayloadType: 18},
}
