package media

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestMP3EncoderIsReal(t *testing.T) {
	// On Linux libmp3lame is a package away: a build without it is a mistake.
	if runtime.GOOS == "linux" && !MP3Available {
		t.Fatal("built without the tag lame: voicemail cannot be encoded")
	}
}

// encode returns s as an MP3 file.
func encode(t *testing.T, s Sound) []byte {
	t.Helper()
	f, err := os.Open(tempWAV(t, s.Samples, s.Rate, false))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	d, err := WAVToMP3(&b, f)
	if err != nil {
		t.Fatal(err)
	}
	if d != s.Duration() {
		t.Errorf("encoded %v of %v", d, s.Duration())
	}
	return b.Bytes()
}

func TestMP3ComesBack(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		in := Sine(1000, -12).Sound(rate, 5*time.Second)
		data := encode(t, in)
		if want := 5 * 32000 / 8; len(data) < want || len(data) > want+1000 {
			t.Errorf("5 s at 32 kbit/s became %d bytes", len(data))
		}
		out, err := DecodeMP3(data)
		if err != nil || out.Rate != mp3Rate {
			t.Fatalf("decoded at %d: %v", out.Rate, err)
		}
		if d := out.Duration(); d < in.Duration() || d > in.Duration()+200*time.Millisecond {
			t.Errorf("5 s came back as %v", d)
		}
		if got := Level(out.Samples[mp3Rate:4*mp3Rate], mp3Rate, 1000); math.Abs(got+12) > 0.5 {
			t.Errorf("the tone came back at %.1f dBFS", got)
		}
		if got := noise(out.Samples[mp3Rate:4*mp3Rate], mp3Rate, 1000); got > -45 {
			t.Errorf("with %.1f dBFS of noise", got)
		}
	}
}

func TestMP3FramesStandAlone(t *testing.T) {
	data := encode(t, Sine(1000, -12).Sound(16000, 2*time.Second))
	const frame = 32000 / 8 * 576 / 16000 // bytes, all alike
	if len(data)%frame != 0 {
		t.Fatalf("%d bytes are no whole number of frames", len(data))
	}
	for at := 0; at < len(data); at += frame {
		if data[at] != 0xff || data[at+1]&0xf6 != 0xf2 { // MPEG-2 layer III
			t.Fatalf("no frame begins at %d", at)
		}
	}
	s, err := DecodeMP3(data[20*frame:]) // as a seek would
	if err != nil {
		t.Fatal(err)
	}
	if got := Level(s.Samples[2000:12000], s.Rate, 1000); math.Abs(got+12) > 0.5 {
		t.Errorf("from the middle on the tone has %.1f dBFS", got)
	}
}

func TestWAVToMP3Refuses(t *testing.T) {
	if _, err := WAVToMP3(&bytes.Buffer{}, bytes.NewReader([]byte("not a WAV file"))); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
}

func TestDecodeMP3Survives(t *testing.T) {
	good := encode(t, Sine(700, -12).Sound(16000, 500*time.Millisecond))
	for name, data := range map[string][]byte{
		"nothing":               nil,
		"text":                  []byte("this is not sound"),
		"a tag of 256 MB":       append([]byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), good...),
		"a tag with wrong bits": append([]byte("ID3\x04\x00\x00\xff\xff\xff\xff"), good...),
		"longer than any call":  bytes.Repeat(good, 5<<20/len(good)),  // minutes of work
		"8 kHz":                 {0xff, 0xe3, 0x18, 0xc4, 0, 0, 0, 0}, // MPEG-2.5
	} {
		if _, err := DecodeMP3(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tagged := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x05hello"), good...)
	if s, err := DecodeMP3(tagged); err != nil || s.Duration() < 500*time.Millisecond {
		t.Errorf("after a tag: %v, %v", s.Duration(), err)
	}
	if s, err := DecodeMP3(good[:len(good)/2]); err != nil || s.Duration() < 200*time.Millisecond {
		t.Errorf("half a file: %v, %v", s.Duration(), err)
	}
	// Damage may shorten the sound but never ends the process.
	noise := rand.New(rand.NewPCG(5, 6))
	for range 80 {
		bad := bytes.Clone(good)
		for range 1 + noise.IntN(20) {
			bad[noise.IntN(len(bad))] = byte(noise.Uint32())
		}
		if s, err := DecodeMP3(bad); err == nil && len(s.Samples) == 0 {
			t.Error("no sound and no error")
		}
	}
}

func FuzzDecodeMP3(f *testing.F) {
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x00\xff\xf3\x48\xc4"))
	f.Add([]byte{0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, data []byte) {
		DecodeMP3(data) // must return
	})
}
