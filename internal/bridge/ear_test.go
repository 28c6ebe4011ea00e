package bridge

import (
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// listener returns an ear for a codec that counts what it hears.
func listener(t *testing.T, codec sdp.Codec, heard *int) *ear {
	t.Helper()
	decoder, err := media.NewDecoder(codec.Name)
	if err != nil {
		t.Fatal(err)
	}
	return newEar(decoder, codec.Clock, func(s []int16) { *heard += len(s) })
}

func TestEarHearsAnUnbrokenRow(t *testing.T) {
	type packet struct {
		ssrc, timestamp uint32
		length          int
	}
	const top = 1<<32 - 160
	for _, c := range []struct {
		name    string
		packets []packet
		want    int // samples
	}{
		{"in order", []packet{{1, 0, 160}, {1, 160, 160}, {1, 320, 160}}, 480},
		{"begins anywhere", []packet{{1, top, 160}, {1, 0, 160}}, 320},
		{"lost packet", []packet{{1, 0, 160}, {1, 320, 160}}, 480},
		{"lost packets", []packet{{1, 0, 160}, {1, 1600, 160}}, 1760},
		{"pause", []packet{{1, 0, 160}, {1, 8000, 160}}, 8160},
		{"too late", []packet{{1, 0, 160}, {1, 320, 160}, {1, 160, 160}}, 480},
		{"twice", []packet{{1, 0, 160}, {1, 0, 160}}, 160},
		{"new source", []packet{{1, 0, 160}, {2, 77777777, 160}}, 320},
		{"leap ahead", []packet{{1, 0, 160}, {1, 1 << 30, 160}}, 320},
		{"leap back", []packet{{1, 1 << 30, 160}, {1, 0, 160}}, 320},
		{"long packet", []packet{{1, 0, 800}, {1, 800, 160}}, 960},
		{"empty packet", []packet{{1, 0, 0}, {1, 0, 160}}, 160},
	} {
		heard := 0
		e := listener(t, sdp.PCMA, &heard)
		for _, p := range c.packets {
			e.take(&ua.Packet{SSRC: p.ssrc, Timestamp: p.timestamp, Payload: make([]byte, p.length)})
		}
		if heard != c.want {
			t.Errorf("%s: heard %d samples, want %d", c.name, heard, c.want)
		}
	}
}

// TestMouthAndEarSpeakEveryCodec sends a tone from a mouth to an ear and looks
// for it there, as loud, and as long but for what the codecs are late.
func TestMouthAndEarSpeakEveryCodec(t *testing.T) {
	const frames = 50
	tone := media.Sine(1000, -10).Sound(Rate, frames*ptime).Samples
	for _, codec := range Codecs {
		if codec.IsEvent() {
			continue
		}
		encoder, err := media.NewEncoder(codec.Name)
		if err != nil {
			t.Fatal(err)
		}
		decoder, err := media.NewDecoder(codec.Name)
		if err != nil {
			t.Fatal(err)
		}
		var heard []int16
		m := newMouth(encoder, codec.Clock)
		e := newEar(decoder, codec.Clock, func(s []int16) { heard = append(heard, s...) })
		for i := range frames {
			e.take(&ua.Packet{Timestamp: uint32(i) * m.ticks, Payload: m.speak(tone[i*frame : (i+1)*frame])})
		}
		if late := len(tone) - len(heard); late < 0 || late > frame {
			t.Errorf("%s: %d samples of %d came", codec.Name, len(heard), len(tone))
		}
		if level := media.Level(heard[Rate/5:], Rate, 1000); level < -12 || level > -8 {
			t.Errorf("%s: 1 kHz at %.1f dBFS", codec.Name, level)
		}
	}
}

func FuzzEar(f *testing.F) {
	f.Add(uint8(0), uint32(0), uint32(160), uint32(1<<31), []byte("sound"))
	f.Fuzz(func(t *testing.T, codec uint8, a, b, c uint32, payload []byte) {
		heard := 0
		e := listener(t, Codecs[int(codec)%(len(Codecs)-1)], &heard)
		for _, ts := range []uint32{a, b, c} {
			e.take(&ua.Packet{Timestamp: ts, Payload: payload})
		}
		if most := 2*int(longestGap*Rate/time.Second) + 3*max(2*len(payload), Rate/5); heard > most {
			t.Errorf("heard %d samples of three packets", heard)
		}
	})
}
