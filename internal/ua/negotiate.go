package ua

import (
	"time"

	"timbre/internal/rtp"
	"timbre/internal/sdp"
)

// ptimeWanted is the packet length that we ask for.
const ptimeWanted = 20 * time.Millisecond

// An agreement is what one exchange of descriptions settles.
type agreement struct {
	local        sdp.Local // what we say
	far          *sdp.Media
	formats      rtp.Formats
	ours, theirs *sdp.Crypto // nil: plain RTP
}

func notAcceptable(reason string) error { return &StatusError{Code: 488, Reason: reason} }

// usualCodecs are taken where the caller of this package names none.
func usualCodecs(codecs []sdp.Codec) []sdp.Codec {
	if len(codecs) == 0 {
		return []sdp.Codec{sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent}
	}
	return codecs
}

// acceptOffer answers the sound stream of offer with the first of its codecs that
// is in codecs. Of local, the address and the numbers are taken; key is the key
// that we use already, nil where a new one must be made. The error is a
// *StatusError with 488.
func acceptOffer(offer *sdp.Session, local sdp.Local, codecs []sdp.Codec, key *sdp.Crypto) (agreement, error) {
	a := agreement{local: local, far: offer.Audio()}
	if a.far == nil {
		return a, notAcceptable("No Sound Stream")
	}
	a.local.Codecs, a.local.Cryptos, a.local.Ptime = nil, nil, ptimeWanted
	a.local.Direction = a.far.Direction.Reverse()
	for _, c := range sdp.Common(a.far.Codecs, codecs) {
		switch {
		case c.IsSound() && a.formats.Codec.Name == "":
			a.formats.Codec, a.formats.CodecOurs = c, c.PayloadType
			a.local.Codecs = append(a.local.Codecs, c)
		case c.IsEvent():
			a.formats.Event, a.formats.EventOurs = c, c.PayloadType
		}
	}
	if a.formats.Codec.Name == "" {
		return a, notAcceptable("No Codec In Common")
	}
	if a.formats.Event.Name != "" {
		a.local.Codecs = append(a.local.Codecs, a.formats.Event)
	}
	if !a.far.Secure() {
		return a, nil
	}
	for i, c := range a.far.Cryptos {
		if key != nil && c.Suite != key.Suite {
			continue
		}
		ours := rtp.NewCrypto(c.Tag, c.Suite)
		if key != nil {
			ours.Key = key.Key
		}
		a.ours, a.theirs = &ours, &a.far.Cryptos[i]
		a.local.Cryptos = []sdp.Crypto{ours}
		return a, nil
	}
	return a, notAcceptable("No SRTP Suite In Common")
}

// readAnswer reads body, the answer to what local offered. The error is a
// *StatusError with 488.
func (e *Endpoint) readAnswer(body []byte, local sdp.Local) (agreement, error) {
	answer, err := sdp.Parse(body)
	if err != nil {
		return agreement{}, notAcceptable("Malformed Answer")
	}
	a, err := takeAnswer(answer, local)
	if err == nil && !e.mayHear(a.far) {
		err = notAcceptable("No Address For Sound")
	}
	return a, err
}

// takeAnswer compares an answer with what local offered. The error is a
// *StatusError with 488.
func takeAnswer(answer *sdp.Session, local sdp.Local) (agreement, error) {
	a := agreement{local: local, far: answer.Audio()}
	if a.far == nil {
		return a, notAcceptable("No Sound Stream")
	}
	for _, c := range a.far.Codecs {
		for _, o := range local.Codecs {
			switch {
			case !c.Is(o):
			case c.IsSound() && a.formats.Codec.Name == "":
				a.formats.Codec, a.formats.CodecOurs = c, o.PayloadType
			case c.IsEvent() && (a.formats.Event.Name == "" || c.Clock == a.formats.Codec.Clock && a.formats.Event.Clock != c.Clock):
				a.formats.Event, a.formats.EventOurs = c, o.PayloadType
			}
		}
	}
	if a.formats.Codec.Name == "" {
		return a, notAcceptable("No Codec In Common")
	}
	if a.far.Secure() != (len(local.Cryptos) > 0) {
		return a, notAcceptable("Other Protection Than Offered")
	}
	if len(local.Cryptos) == 0 {
		return a, nil
	}
	for i, c := range a.far.Cryptos {
		for j, o := range local.Cryptos {
			if c.Tag == o.Tag && c.Suite == o.Suite {
				a.ours, a.theirs = &local.Cryptos[j], &a.far.Cryptos[i]
				return a, nil
			}
		}
	}
	return a, notAcceptable("No SRTP Suite In Common")
}
