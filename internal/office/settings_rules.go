package office

import (
	"strings"
	"time"
)

// Limits of a greeting, as it is uploaded or recorded.
const (
	MaxGreetingBytes = 10 << 20
	MaxGreeting      = 90 * time.Second
)

// Check returns ErrRingTime or ErrGreeting unless v may be chosen. That its
// greeting's sound exists is not looked at.
func (v VoicemailSettings) Check() error {
	if err := CheckRingTime(time.Duration(v.RingSeconds) * time.Second); err != nil {
		return err
	}
	g := v.Greeting
	switch g.Kind {
	case GreetingDefault:
		if g.BlobID != "" || g.Until != nil {
			return ErrGreeting
		}
	case GreetingOwn:
		if g.Until != nil {
			return ErrGreeting
		}
	case GreetingTemporary:
	default:
		return ErrGreeting
	}
	if g.BlobID != "" && !g.BlobID.Valid() {
		return ErrGreeting
	}
	return nil
}

// Check returns ErrForwarding unless the user of extension own may choose f: it
// has only cases that there are, and where it is enabled at least one and a
// number. ErrNumber says that the number is not in its plain form, is the
// extension itself, a code or an emergency number. Whether it can be dialled, and
// the extension may dial it, is for the dial plan to say.
func (f ForwardingSettings) Check(own Number, r Region) error {
	cases := f.When.List()
	for _, c := range cases {
		switch c {
		case ForwardAlways, ForwardOffline, ForwardBusy, ForwardNoAnswer:
		default:
			return ErrForwarding
		}
	}
	if f.IsEnabled && (f.Number == "" || len(cases) == 0) {
		return ErrForwarding
	}
	if f.Number == "" {
		return nil
	}
	n, err := ParseNumber(string(f.Number))
	if err != nil || n != f.Number || n == own || n.IsEmergency(r) || strings.ContainsAny(string(n), "*#") {
		return ErrNumber
	}
	return nil
}

// Check returns ErrLimit unless a device can have measured q.
func (q Quality) Check() error {
	within := func(v, top float64) bool { return v >= 0 && v <= top } // not so for what is no number
	if !within(q.Loss, 1) || !within(q.Jitter, 60) || !within(q.Delay, 60) || !within(q.Concealed, 1) || !within(q.MOS, 5) || len(q.Codec) > 32 || CleanName(q.Codec) != q.Codec {
		return ErrLimit
	}
	return nil
}

// Check returns ErrNumber unless l is a number in E.164, and ErrExtension unless
// it rings extensions, each once, or is the menu or a fax, which need none; the
// menu has none.
func (l Line) Check() error {
	if digits, ok := strings.CutPrefix(string(l.Number), "+"); !ok || len(digits) < 7 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' {
		return ErrNumber
	}
	seen := map[Number]bool{}
	for _, e := range l.Extensions {
		if !e.IsExtension() || seen[e] {
			return ErrExtension
		}
		seen[e] = true
	}
	if l.Menu == (len(l.Extensions) > 0) && !l.Fax || l.Menu && l.Fax {
		return ErrExtension
	}
	return nil
}

// SoundType returns the media type of a sound that begins with head, empty where it
// is none that can be a greeting. Twelve octets are enough.
func SoundType(head []byte) string {
	switch h := string(head[:min(len(head), 12)]); {
	case len(h) == 12 && h[:4] == "RIFF" && h[8:] == "WAVE":
		return "audio/wav"
	case strings.HasPrefix(h, "ID3"), len(h) >= 2 && h[0] == 0xff && h[1]&0xe0 == 0xe0: // a tag, or the sync word of a frame
		return "audio/mpeg"
	}
	return ""
}
