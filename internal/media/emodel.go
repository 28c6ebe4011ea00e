package media

import (
	"math"
	"strings"
	"time"
)

// A Score is what is known of how a call sounds, for the E-model of ITU-T G.107,
// with everything that is not here at its default: a telephone of normal loudness in
// a normal room and no echo that the talker hears.
// The zero value is a perfect line of G.711.
type Score struct {
	Codec string // by its name in SDP, in any case; one that is not known counts as G.711
	// Loss is the share of the packets that were not there when they were due, from
	// 0 to 1, without those that the codec brought back (FEC).
	Loss float64
	// Burst is BurstR: how many packets are missing in a row, compared with what
	// chance makes of the same loss. 1, and anything below, is chance.
	Burst  float64
	OneWay time.Duration // from mouth to ear
}

// impairment returns what a codec costs, Ie, and how well it stands loss, Bpl. Those
// of G.711 are of ITU-T G.113, appendix I: with concealment, random loss. G.722 and
// Opus carry more than the telephone band: on this scale, which ends with it, they
// cost nothing and gain nothing. How they stand loss is not in G.113; it is our own
// estimate, that G.722 is disturbed twice as long as G.711 and that Opus, which
// conceals better, stands a quarter more.
func impairment(codec string) (ie, bpl float64) {
	switch strings.ToUpper(codec) {
	case "G722":
		return 0, 12.6
	case "OPUS":
		return 0, 32
	}
	return 0, 25.1
}

// bestRating is R with all defaults, by G.107.
const bestRating = 93.2

// R returns the transmission rating: 93.2 is the best of the telephone band, 80 is
// good, 70 fair, 60 poor, and below 50 is not recommended (G.107 annex B).
func (s Score) R() float64 {
	return max(0, bestRating-s.delayImpairment()-s.lossImpairment())
}

// lossImpairment is Ie,eff of G.107 §7.5.
func (s Score) lossImpairment() float64 {
	ie, bpl := impairment(s.Codec)
	percent := 100 * max(0, min(1, s.Loss))
	return ie + (95-ie)*percent/(percent/max(1, s.Burst)+bpl)
}

// delayImpairment is Idd of G.107 §7.4 for its default users, whose sensitivity is 1
// and who notice nothing below 100 ms.
func (s Score) delayImpairment() float64 {
	ms := s.OneWay.Seconds() * 1000
	if ms <= 100 {
		return 0
	}
	x := math.Log2(ms / 100)
	return 25 * (math.Pow(1+math.Pow(x, 6), 1./6) - 3*math.Pow(1+math.Pow(x/3, 6), 1./6) + 2)
}

// MOS returns the mean opinion that listeners have of a call with that rating, from
// 1, bad, to 4.5 (G.107 annex B).
func (s Score) MOS() float64 {
	r := s.R()
	switch {
	case r <= 6.5: // below it the formula falls under 1
		return 1
	case r >= 100:
		return 4.5
	}
	return 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
}
