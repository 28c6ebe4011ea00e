package bridge

import (
	"testing"

	"timbre/internal/media"
	"timbre/internal/ua"
)

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
		{"pause", []packet{{1, 0, 160}, {1, 8000, 160}}, 8160},
		{"too late", []packet{{1, 0, 160}, {1, 320, 160}, {1, 160, 160}}, 480},
		{"twice", []packet{{1, 0, 160}, {1, 0, 160}}, 160},
		{"new source", []packet{{1, 0, 160}, {2, 77777777, 160}}, 320},
		{"leap ahead", []packet{{1, 0, 160}, {1, 1 << 30, 160}}, 320},
		{"leap back", []packet{{1, 1 << 30, 160}, {1, 0, 160}}, 320},
		{"long packet", []packet{{1, 0, 1000}, {1, 1000, 160}}, 1160},
		{"empty packet", []packet{{1, 0, 0}, {1, 0, 160}}, 160},
	} {
		heard := 0
		e := ear{law: media.PCMA, hear: func(s []int16) { heard += len(s) }}
		for _, p := range c.packets {
			e.take(&ua.Packet{SSRC: p.ssrc, Timestamp: p.timestamp, Payload: make([]byte, p.length)})
		}
		if heard != c.want {
			t.Errorf("%s: heard %d samples, want %d", c.name, heard, c.want)
		}
	}
}

func FuzzEar(f *testing.F) {
	f.Add(uint32(0), uint32(160), uint32(1<<31), []byte("sound"))
	f.Fuzz(func(t *testing.T, a, b, c uint32, payload []byte) {
		heard := 0
		e := ear{law: media.PCMU, hear: func(s []int16) { heard += len(s) }}
		for _, ts := range []uint32{a, b, c} {
			e.take(&ua.Packet{Timestamp: ts, Payload: payload})
		}
		if heard > 2*longestGap+3*len(payload) {
			t.Errorf("heard %d samples of three packets", heard)
		}
	})
}
