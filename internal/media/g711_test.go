package media

import (
	"math"
	"testing"
	"time"
)

func TestLawValues(t *testing.T) {
	// From the tables of ITU-T G.711, at 16 bits.
	for _, c := range []struct {
		law  Law
		code byte
		want int16
	}{
		{PCMU, 0xff, 0},
		{PCMU, 0x7f, 0},
		{PCMU, 0x80, 32124},
		{PCMU, 0x00, -32124},
		{PCMU, 0xf0, 120},
		{PCMA, 0xd5, 8},
		{PCMA, 0x55, -8},
		{PCMA, 0xaa, 32256},
		{PCMA, 0x2a, -32256},
	} {
		var pcm [1]int16
		c.law.Decode(pcm[:], []byte{c.code})
		if pcm[0] != c.want {
			t.Errorf("law %d: %#x is %d, not %d", c.law, c.code, pcm[0], c.want)
		}
	}
}

func TestLawsKeepEveryCode(t *testing.T) {
	for _, law := range []Law{PCMU, PCMA} {
		for code := range 256 {
			var pcm [1]int16
			var back [1]byte
			law.Decode(pcm[:], []byte{byte(code)})
			law.Encode(back[:], pcm[:])
			if back[0] != byte(code) && pcm[0] != 0 { // µ-law has two zeros
				t.Errorf("law %d: %#x became %#x", law, code, back[0])
			}
		}
	}
}

func TestLawsKeepTones(t *testing.T) {
	in := Sine(1000, -10).Sound(8000, time.Second).Samples
	for _, law := range []Law{PCMU, PCMA} {
		coded, out := make([]byte, len(in)), make([]int16, len(in))
		law.Encode(coded, in)
		law.Decode(out, coded)
		if n := noise(out, 8000, 1000); n > -45 {
			t.Errorf("law %d: %.1f dBFS of noise", law, n)
		}
		other := 1 - law
		law.Transcode(coded, coded)
		other.Decode(out, coded)
		if got := Level(out, 8000, 1000); math.Abs(got+10) > 0.1 {
			t.Errorf("law %d in the other law: %.2f dBFS", law, got)
		}
	}
}

func TestLawsAreSilent(t *testing.T) {
	for _, law := range []Law{PCMU, PCMA} {
		var pcm [1]int16
		law.Decode(pcm[:], []byte{law.Silence()})
		if pcm[0] < 0 || pcm[0] > 8 {
			t.Errorf("law %d: silence is %d", law, pcm[0])
		}
	}
}

func TestLawsStopAtTheShorterEnd(t *testing.T) {
	if n := PCMU.Encode(make([]byte, 3), make([]int16, 5)); n != 3 {
		t.Errorf("encoded %d", n)
	}
	if n := PCMA.Decode(make([]int16, 5), make([]byte, 2)); n != 2 {
		t.Errorf("decoded %d", n)
	}
	if n := PCMA.Transcode(make([]byte, 1), make([]byte, 2)); n != 1 {
		t.Errorf("transcoded %d", n)
	}
}

func TestLawsDoNotAllocate(t *testing.T) {
	pcm, coded := make([]int16, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		PCMU.Encode(coded, pcm)
		PCMU.Transcode(coded, coded)
		PCMA.Decode(pcm, coded)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
