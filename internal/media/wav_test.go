package media

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tempWAV writes samples as a WAV file and returns its name. Where closed is
// false the header stays as it is while a recording goes on.
func tempWAV(t *testing.T, samples []int16, rate int, closed bool) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.wav")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWAVWriter(f, rate)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(samples, 160) {
		if err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if closed {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

func TestWAVComesBack(t *testing.T) {
	in := Sine(1000, -6).Sound(8000, time.Second).Samples
	for _, closed := range []bool{true, false} {
		data, err := os.ReadFile(tempWAV(t, in, 8000, closed))
		if err != nil {
			t.Fatal(err)
		}
		s, err := ReadWAV(bytes.NewReader(data))
		if err != nil || s.Rate != 8000 || !slices.Equal(s.Samples, in) {
			t.Errorf("closed %v: %d samples of %d came back at %d, %v", closed, len(s.Samples), len(in), s.Rate, err)
		}
		// What comes after the samples of a finished file is not sound.
		s, _ = ReadWAV(bytes.NewReader(append(data, "LIST\x04\x00\x00\x00abcd"...)))
		if closed && len(s.Samples) != len(in) {
			t.Errorf("a trailing chunk became %d samples", len(s.Samples)-len(in))
		}
	}
}

func TestWAVCutOffAnywhere(t *testing.T) {
	in := Sine(1000, -6).Sound(8000, 10*time.Millisecond).Samples
	data, err := os.ReadFile(tempWAV(t, in, 8000, true))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		s, err := ReadWAV(bytes.NewReader(data[:n]))
		if n < wavHeader {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%d bytes of header: %v", n, err)
			}
			continue
		}
		if want := (n - wavHeader) / 2; err != nil || !slices.Equal(s.Samples, in[:want]) {
			t.Errorf("%d bytes: %d samples, not %d: %v", n, len(s.Samples), want, err)
		}
	}
}

func TestWAVKinds(t *testing.T) {
	header := func(kind, channels, rate, bits byte, extra string, data string) []byte {
		b := []byte("RIFF\xff\xff\xff\xffWAVELIST\x01\x00\x00\x00x\x00fmt ")
		b = append(b, byte(16+len(extra)), 0, 0, 0, kind, 0, channels, 0, 0, rate, 0, 0, 0, 0, 0, 0, 0, 0, bits, 0)
		b = append(b, extra...)
		b = append(b, "data"...)
		b = append(b, byte(len(data)), 0, 0, 0)
		return append(b, data...)
	}
	for _, c := range []struct {
		name string
		file []byte
		want []int16 // nil: ErrFormat
	}{
		{"16-bit mono", header(1, 1, 0x20, 16, "", "\x01\x00\xff\xff"), []int16{1, -1}},
		{"16-bit stereo", header(1, 2, 0x20, 16, "", "\x02\x00\x04\x00\x00\x00\x00\x01"), []int16{3, 128}},
		{"µ-law", header(7, 1, 0x20, 8, "\x00\x00", "\xff\x80"), []int16{0, 32124}},
		{"A-law", header(6, 1, 0x20, 8, "\x00\x00", "\xd5\xaa"), []int16{8, 32256}},
		{"24-bit", header(1, 1, 0x20, 24, "", "\x01\x00\x00"), nil},
		{"float", header(3, 1, 0x20, 32, "", "\x01\x00\x00\x00"), nil},
		{"no channel", header(1, 0, 0x20, 16, "", "\x01\x00"), nil},
		{"no rate", header(1, 1, 0, 16, "", "\x01\x00"), nil},
		{"no WAV", []byte("ID3 is something else altogether"), nil},
		{"nothing", nil, nil},
	} {
		s, err := ReadWAV(bytes.NewReader(c.file))
		if c.want == nil != errors.Is(err, ErrFormat) || !slices.Equal(s.Samples, c.want) {
			t.Errorf("%s: %v, %v", c.name, s.Samples, err)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x02\x00\x00\x00\x01\x02"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x28\x00\x00\x00\xfe\xff\x02\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadWAV(bytes.NewReader(data))
		if err == nil && len(s.Samples) > len(data) {
			t.Errorf("%d samples from %d bytes", len(s.Samples), len(data))
		}
	})
}

func TestWAVReaderEnds(t *testing.T) {
	f, err := os.Open(tempWAV(t, make([]int16, 100), 8000, true))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := NewWAVReader(f)
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]int16, 80)
	for _, want := range []int{80, 20, 0} {
		n, err := r.Read(frame)
		if n != want || (err == io.EOF) != (want == 0) {
			t.Errorf("read %d, %v; want %d", n, err, want)
		}
	}
}
