package media

import "strings"

// A Format is how the payloads of one stream are to be understood: their decoder
// and the clock of their timestamps. Whoever hears of a codec makes a new one and
// hands it to a Playout with each packet; from then on the Playout alone uses it.
type Format struct {
	decoder   Decoder
	clock     int                       // of the timestamps, in Hz
	ticks     func(payload []byte) int  // how long a payload is, by that clock; 0: it cannot be sound
	copies    func(payload []byte) bool // whether a payload holds a copy of the one before
	resampler *Resampler                // to the rate of the Playout, which makes it
}

// callRate is the rate of the sound in a call: what Opus is asked to give.
const callRate = 16000

// NewFormat returns the format of the codec of that name in SDP, in any case. It
// returns ErrCodec for one that is not spoken.
func NewFormat(name string) (*Format, error) {
	decoder, err := newDecoder(name, callRate)
	if err != nil {
		return nil, err
	}
	f := &Format{decoder: decoder, clock: 8000, ticks: func(payload []byte) int { return len(payload) }, copies: func([]byte) bool { return false }}
	if strings.EqualFold(name, "opus") {
		f.clock, f.ticks, f.copies = opusRate, opusTicks, opusCopies
	}
	return f, nil
}

// opusTicks returns the length of an Opus packet at 48 kHz, from its first bytes
// (RFC 6716 §3.1 and §3.2); 0 where no packet begins so or it is above 120 ms.
func opusTicks(payload []byte) int {
	if len(payload) == 0 {
		return 0
	}
	config, frames := int(payload[0]>>3), 2
	switch payload[0] & 3 {
	case 0:
		frames = 1
	case 3:
		if len(payload) < 2 {
			return 0
		}
		frames = int(payload[1] & 63)
	}
	var frame int
	switch {
	case config < 12: // SILK
		frame = [...]int{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid
		frame = [...]int{480, 960}[config%2]
	default: // CELT
		frame = [...]int{120, 240, 480, 960}[config%4]
	}
	if frames*frame > opusRate*120/1000 {
		return 0
	}
	return frames * frame
}

// opusCopies reports whether an Opus packet of one frame has a copy of the frame
// before it: a flag after those that tell where somebody speaks, of which there is
// one for each 20 ms (RFC 6716 §4.2.3).
func opusCopies(payload []byte) bool {
	if len(payload) < 2 || payload[0]&3 != 0 || payload[0] >= 128 {
		return false
	}
	frames := max(1, opusTicks(payload)/960)
	return payload[1]<<frames&0x80 != 0
}
