package bridge

import (
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// sent is a packet as a transcoder wrote it.
type sent struct {
	event, marker bool
	sequence      uint16
	timestamp     uint32
	ssrc          uint32
	bytes         int
}

// transcoded returns what becomes of packets.
func transcoded(t *testing.T, from, to sdp.Codec, packets ...ua.Packet) (out []sent) {
	t.Helper()
	tr, err := newTranscoder(from, to, func(p *ua.Packet) error {
		out = append(out, sent{p.Event, p.Marker, p.Sequence, p.Timestamp, p.SSRC, len(p.Payload)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range packets {
		tr.take(&packets[i])
	}
	return out
}

// pcmu returns a packet of so many milliseconds that begins at one.
func pcmu(at, long int) ua.Packet {
	return ua.Packet{SSRC: 7, Timestamp: 4294967000 + uint32(at*8), Payload: make([]byte, long*8)}
}

// key returns a packet of the key that was pressed at a millisecond.
func key(at int) ua.Packet {
	return ua.Packet{Event: true, SSRC: 7, Timestamp: 4294967000 + uint32(at*8), Payload: []byte{5, 10, 0, 160}}
}

func TestTranscoderNumbersItsPackets(t *testing.T) {
	other := pcmu(40, 20)
	other.SSRC = 8
	for _, c := range []struct {
		name    string
		packets []ua.Packet
		at      []int  // milliseconds since the first one that goes out, from its timestamp
		marked  string // x: with the marker
	}{
		{"of the usual length", []ua.Packet{pcmu(0, 20), pcmu(20, 20), pcmu(40, 20)}, []int{0, 20, 40}, "x  "},
		{"short ones", []ua.Packet{pcmu(0, 10), pcmu(10, 10), pcmu(20, 10), pcmu(30, 10)}, []int{0, 20}, "x "},
		{"long ones", []ua.Packet{pcmu(0, 60), pcmu(60, 60)}, []int{0, 20, 40, 60, 80, 100}, "x     "},
		{"of 30 ms", []ua.Packet{pcmu(0, 30), pcmu(30, 30)}, []int{0, 20, 40}, "x  "},
		{"one is lost", []ua.Packet{pcmu(0, 20), pcmu(40, 20)}, []int{0, 20, 40}, "x  "},
		{"two come in the wrong order", []ua.Packet{pcmu(0, 20), pcmu(40, 20), pcmu(20, 20), pcmu(60, 20)}, []int{0, 20, 40, 60}, "x   "},
		{"one comes twice", []ua.Packet{pcmu(0, 20), pcmu(0, 20), pcmu(20, 20)}, []int{0, 20}, "x "},
		{"a pause", []ua.Packet{pcmu(0, 20), pcmu(1020, 20), pcmu(1040, 20)}, []int{0, 1020, 1040}, "xx "},
		{"a pause after half a packet", []ua.Packet{pcmu(0, 30), pcmu(1030, 20)}, []int{0, 1030}, "xx"},
		{"another source", []ua.Packet{pcmu(0, 20), pcmu(20, 20), other}, []int{0, 20, 40}, "x x"},
		{"the clock jumps back", []ua.Packet{pcmu(100000, 20), pcmu(0, 20)}, []int{0, 20}, "xx"},
		{"nothing in it", []ua.Packet{pcmu(0, 20), pcmu(20, 0), pcmu(20, 20)}, []int{0, 20}, "x "},
	} {
		for _, to := range []sdp.Codec{sdp.G722, sdp.Opus} {
			t.Run(c.name+" to "+to.Name, func(t *testing.T) {
				out := transcoded(t, sdp.PCMU, to, c.packets...)
				if len(out) != len(c.at) {
					t.Fatalf("%d packets, not %d: %+v", len(out), len(c.at), out)
				}
				for i, p := range out {
					if p.marker != (c.marked[i] == 'x') || p.event || p.bytes == 0 {
						t.Errorf("packet %d: %+v", i, p)
					}
					if i > 0 && p.sequence != out[i-1].sequence+1 {
						t.Errorf("packet %d has the number %d after %d", i, p.sequence, out[i-1].sequence)
					}
					if want := out[0].timestamp + uint32(c.at[i]*to.Clock/1000); p.timestamp != want {
						t.Errorf("packet %d comes at %d, not %d", i, p.timestamp, want)
					}
				}
			})
		}
	}
}

func TestTranscoderTellsSourcesApart(t *testing.T) {
	other := pcmu(20, 20)
	other.SSRC = 8
	out := transcoded(t, sdp.PCMU, sdp.G722, pcmu(0, 20), other)
	if len(out) != 2 || out[0].ssrc == out[1].ssrc {
		t.Errorf("%+v: the leg cannot know that they do not follow each other", out)
	}
}

func TestTranscoderPassesKeys(t *testing.T) {
	out := transcoded(t, sdp.PCMU, sdp.Opus,
		pcmu(0, 20), pcmu(20, 20), key(40), key(40), key(40), pcmu(200, 20), key(40), pcmu(220, 20), key(240))
	var got []int
	for i, p := range out {
		got = append(got, int(p.timestamp-out[0].timestamp)/48)
		if i > 0 && (p.sequence != out[i-1].sequence+1 || p.ssrc != out[0].ssrc) {
			t.Errorf("packet %d: %+v", i, p)
		}
	}
	want := []int{0, 20, 40, 40, 40, 200, 40, 220, 240}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] || out[i].event != (want[i] == 40 || want[i] == 240) {
			t.Errorf("packet %d: %+v at %d, not %d", i, out[i], got[i], want[i])
		}
	}
	if !out[5].marker {
		t.Error("the sound after a key has no marker")
	}
}

func TestTranscoderGuessesShortGapsOnly(t *testing.T) {
	for _, missing := range []time.Duration{20 * time.Millisecond, longestGuess, longestGuess + 20*time.Millisecond} {
		out := transcoded(t, sdp.PCMU, sdp.G722, pcmu(0, 20), pcmu(20+int(missing.Milliseconds()), 20))
		guessed := time.Duration(len(out)-2) * media.FrameTime
		if want := missing; missing <= longestGuess && guessed != want || missing > longestGuess && guessed != 0 {
			t.Errorf("of a gap of %v %v are guessed", missing, guessed)
		}
	}
}
