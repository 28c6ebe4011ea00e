package softphone

import (
	"errors"
	"sync/atomic"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// A Quality says how a call sounded, as this phone saw it. The zero Quality is that
// of a call that nobody answered.
type Quality struct {
	Codec     string
	Talk      time.Duration // how long the two sides talked
	Received  uint64        // packets
	Loss      float64       // share of the packets that never came, 0 to 1
	Late      float64       // share of those that came too late to be heard
	Recovered float64       // share of those that were lost but of which the next one had a copy
	Jitter    time.Duration // RFC 3550 §6.4.1
	Delay     time.Duration // mean time that sound waited in the buffer
	Concealed float64       // share of the talk that was guessed
	Stalled   time.Duration // for which the sound device stood still
	NoDevice  bool          // at the end the microphone or the speaker was missing
	RoundTrip time.Duration // from our mouth to our ear, through the far side; 0: not measured
}

// Quality returns how the call has sounded so far; once it is over, how it did.
func (c *Call) Quality() Quality {
	s, n, p := c.Status(), c.Stats(), c.voice.playout.Stats()
	if s.AnsweredAt.IsZero() {
		return Quality{}
	}
	q := Quality{
		Codec: n.Codec, Talk: s.Duration(time.Now()), Received: n.Received, Jitter: n.Jitter, Delay: p.MeanDelay,
		Stalled: max(c.voice.playing.stalled(), c.voice.hearing.stalled()), NoDevice: s.AudioErr != nil && !errors.Is(s.AudioErr, media.ErrOtherDevice),
	}
	if sent := float64(n.Received + n.Lost); sent > 0 {
		q.Loss = min(1, float64(n.Lost)/sent)
		q.Late = min(1, float64(n.Late)/sent)
		q.Recovered = min(q.Loss, float64(p.Recovered)/sent)
	}
	if q.Talk > 0 {
		q.Concealed = min(1, n.Concealed.Seconds()/q.Talk.Seconds())
	}
	return q
}

// packetTime is what sound waits for before it is sent.
const packetTime = time.Second / packetsPerSecond

// MOS returns the mean opinion that listeners have of such a call, from 1, bad, to
// 4.5, by the E-model (media.Score); 0 where no sound came. What is not known of
// the delay is left out.
func (q Quality) MOS() float64 {
	if q.Received == 0 {
		return 0
	}
	oneWay := q.RoundTrip / 2
	if oneWay == 0 {
		oneWay = packetTime + q.Delay
	}
	return media.Score{Codec: q.Codec, Loss: min(1, q.Loss+q.Late-q.Recovered), OneWay: oneWay}.MOS()
}

// Office returns q as the office keeps it in the log of calls.
func (q Quality) Office() office.Quality {
	const most = time.Minute // of what the office believes
	return office.Quality{
		Codec: q.Codec, Loss: q.Loss, Jitter: min(q.Jitter, most).Seconds(), Delay: min(q.Delay+q.RoundTrip, most).Seconds(),
		Concealed: q.Concealed, MOS: q.MOS(),
	}
}

// A Fault is why a call sounded badly, by the side whose it is.
type Fault string

// The faults of calls.
const (
	NoFault      Fault = ""
	DeviceGone   Fault = "noDevice" // this computer had no microphone or no speaker
	DeviceStalls Fault = "device"   // its sound device, or the computer, did not keep up
	FarSilent    Fault = "farSide"  // nothing came from the other side
	PacketsLost  Fault = "loss"     // the network towards us lost packets
	PacketsLate  Fault = "jitter"   // it delivered them, too irregularly
)

// From where on somebody would complain: a MOS below 3.6 leaves many users
// dissatisfied (ITU-T G.107 annex B), and of the rest one in a hundred is heard.
const (
	goodMOS   = 3.6
	mostShare = 0.03
	shortTalk = 3 * time.Second // says nothing of a call
)

// Fault returns what was worst of a call; NoFault for a good one and for one too short
// to tell.
func (q Quality) Fault() Fault {
	lost, late := q.Loss-q.Recovered, q.Late
	switch {
	case q.Talk < shortTalk:
		return NoFault
	case q.NoDevice:
		return DeviceGone
	case q.Received == 0:
		return FarSilent
	case q.Stalled.Seconds() > mostShare*q.Talk.Seconds():
		return DeviceStalls
	case q.MOS() >= goodMOS && q.Concealed <= mostShare && lost <= mostShare && late <= mostShare:
		return NoFault
	case lost >= late && lost > mostShare/3:
		return PacketsLost
	}
	return PacketsLate
}

// A pulse notices when a sound device that ought to ask for sound, or bring it, all the
// time does not. One goroutine beats; any may ask. The zero value is ready.
type pulse struct {
	last  atomic.Int64 // in nanoseconds of the Unix epoch; 0: not begun
	stood atomic.Int64 // nanoseconds
}

// A device works in bursts of up to 100 ms. One that nobody asked for sound was in no
// call, such as one on hold.
const (
	longBurst  = 100 * time.Millisecond
	longestGap = 2 * time.Second
)

// beat is called whenever the device is heard of. It does not allocate.
func (p *pulse) beat(now time.Time) {
	last := p.last.Swap(now.UnixNano())
	if gap := time.Duration(now.UnixNano() - last); last != 0 && gap > longBurst && gap < longestGap {
		p.stood.Add(int64(gap - longBurst))
	}
}

// stalled returns for how long the device stood still so far.
func (p *pulse) stalled() time.Duration { return time.Duration(p.stood.Load()) }
