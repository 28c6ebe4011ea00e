package media

import (
	"errors"
	"math"
	"testing"
)

// spoken are the codecs that this binary must speak.
var spoken = []string{"PCMA", "PCMU", "G722", "opus"}

// sine returns a tone of 440 Hz at -6 dBFS.
func sine(rate, samples int) []int16 {
	s := make([]int16, samples)
	for i := range s {
		s[i] = int16(16000 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
	}
	return s
}

// likeness is how much of b, moved so that it fits best, is a: 1 for the same.
func likeness(a, b []int16) float64 {
	best := 0.0
	n := len(a) / 2
	for shift := range n {
		var product, ea, eb float64
		for i := range n {
			x, y := float64(a[i]), float64(b[i+shift])
			product, ea, eb = product+x*y, ea+x*x, eb+y*y
		}
		best = max(best, product/math.Sqrt(ea*eb+1))
	}
	return best
}

func TestCodecsKeepATone(t *testing.T) {
	for _, name := range spoken {
		enc, err := NewEncoder(name)
		if err != nil {
			t.Fatal(err)
		}
		dec, err := NewDecoder(name)
		if err != nil {
			t.Fatal(err)
		}
		if enc.Rate() != dec.Rate() {
			t.Errorf("%s is encoded at %d Hz and decoded at %d", name, enc.Rate(), dec.Rate())
		}
		in := sine(enc.Rate(), enc.Rate())
		var out []int16
		frame := enc.Rate() / 50
		for at := 0; at < len(in); at += frame {
			out = dec.Decode(out, enc.Encode(nil, in[at:at+frame]))
		}
		if len(out) != len(in) {
			t.Errorf("%s: of %d samples %d came back", name, len(in), len(out))
			continue
		}
		if l := likeness(in[len(in)-4*frame:], out[len(out)-4*frame:]); l < 0.98 {
			t.Errorf("%s: what came back is only %.3f like what went in", name, l)
		}
	}
}

func TestCallEncoders(t *testing.T) {
	for _, name := range spoken {
		enc, err := NewCallEncoder(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, ms := range []int{10, 20, 40, 60} {
			dec, _ := NewDecoder(name)
			in := sine(callRate, callRate*6/5)
			var out []int16
			frame := callRate * ms / 1000
			for at := 0; at+frame <= len(in); at += frame {
				out = dec.Decode(out, enc.Encode(nil, in[at:at+frame]))
			}
			if got, want := len(out), len(in)*dec.Rate()/callRate; got != want {
				t.Errorf("%s of %d ms: %d samples, not %d", name, ms, got, want)
			}
			if got := Level(out[len(out)/2:], dec.Rate(), 440); math.Abs(got+6.2) > 0.5 {
				t.Errorf("%s of %d ms: the tone has %.1f dBFS", name, ms, got)
			}
		}
	}
	if _, err := NewCallEncoder("GSM"); !errors.Is(err, ErrCodec) {
		t.Errorf("encoding GSM: %v", err)
	}
}

func TestCodecsAllocateNothing(t *testing.T) {
	for _, name := range spoken {
		enc, _ := NewEncoder(name)
		dec, _ := NewDecoder(name)
		in := sine(enc.Rate(), enc.Rate()/50)
		payload, out := make([]byte, 0, 2000), make([]int16, 0, 48000)
		if n := testing.AllocsPerRun(50, func() {
			payload = enc.Encode(payload[:0], in)
			out = dec.Decode(out[:0], payload)
			out = dec.Recover(out[:0], len(in), payload)
		}); n != 0 && (name != "opus" || OpusLibrary == "libopus") { // the virtual machine allocates
			t.Errorf("%s allocates %v times a frame", name, n)
		}
	}
}

func TestRecoverGivesSoundOfThatLength(t *testing.T) {
	for _, name := range spoken {
		enc, _ := NewEncoder(name)
		dec, _ := NewDecoder(name)
		frame := enc.Rate() / 50
		in := sine(enc.Rate(), 20*frame)
		var next []byte
		for at := 0; at < len(in); at += frame {
			next = enc.Encode(next[:0], in[at:at+frame])
			dec.Decode(nil, next)
		}
		for _, n := range []int{frame, 3 * frame, frame / 2} {
			for _, after := range [][]byte{nil, next} {
				out := dec.Recover(nil, n, after)
				if len(out) != n {
					t.Errorf("%s: %d samples in place of %d", name, len(out), n)
				}
			}
		}
		if out := dec.Recover(dec.Decode(nil, next), frame, nil); Loudness(out[len(out)-frame:]) < -30 {
			t.Errorf("%s: the gap after a tone is silent", name)
		}
	}
}

func TestCodecsNotSpoken(t *testing.T) {
	for _, name := range []string{"", "GSM", "G729", "CN", "telephone-event"} {
		if _, err := NewDecoder(name); !errors.Is(err, ErrCodec) {
			t.Errorf("decoding %q: %v", name, err)
		}
		if _, err := NewEncoder(name); !errors.Is(err, ErrCodec) {
			t.Errorf("encoding %q: %v", name, err)
		}
	}
	if _, err := NewDecoder("g722"); err != nil {
		t.Errorf("names have no case: %v", err)
	}
}

func FuzzDecoders(f *testing.F) {
	for _, name := range spoken {
		enc, _ := NewEncoder(name)
		f.Add(enc.Encode(nil, sine(enc.Rate(), enc.Rate()/50)))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, name := range spoken {
			dec, _ := NewDecoder(name)
			out := dec.Decode(nil, payload)
			if len(out) > max(2*len(payload), dec.Rate()*120/1000) {
				t.Errorf("%s made %d samples of %d bytes", name, len(out), len(payload))
			}
			dec.Recover(out[:0], dec.Rate()/10, payload)
			dec.Recover(out[:0], dec.Rate()/10, nil)
		}
	})
}
