package media

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestReadSound(t *testing.T) {
	tone := func(rate int, d time.Duration) []byte { return wavOf(t, rate, d) }
	mp3 := encode(t, Sine(1000, -12).Sound(16000, 3*time.Second))
	for _, c := range []struct {
		name string
		file []byte
		most time.Duration
		long time.Duration // at least, and less than a second more
	}{
		{"WAV of the rate", tone(8000, 3*time.Second), time.Minute, 3 * time.Second},
		{"WAV of an odd rate", tone(191999, 3*time.Second), time.Minute, 2999 * time.Millisecond},
		{"WAV of a disc", tone(44100, 3*time.Second), time.Minute, 3 * time.Second},
		{"WAV of an old machine", tone(11025, 3*time.Second), time.Minute, 3 * time.Second},
		{"WAV of a studio", tone(192000, 3*time.Second), time.Minute, 3 * time.Second},
		{"MP3", mp3, time.Minute, 3 * time.Second},
		{"longer than is wanted", tone(44100, 30*time.Second), 2 * time.Second, 2 * time.Second},
		{"MP3 longer than is wanted", bytes.Repeat(mp3, 100), 2 * time.Second, 2 * time.Second},
	} {
		s, err := ReadSound(c.file, 8000, c.most)
		if err != nil || s.Rate != 8000 || s.Duration() < c.long || s.Duration() > c.long+time.Second {
			t.Errorf("%s: %v of %d Hz, %v", c.name, s.Duration(), s.Rate, err)
			continue
		}
		if level := Level(s.Samples[2000:14000], 8000, 1000); level < -13 || level > -11 {
			t.Errorf("%s: 1 kHz at %.1f dBFS", c.name, level)
		}
	}
	for name, file := range map[string][]byte{
		"nothing": nil,
		"text":    []byte("Buenos días."),
	} {
		if _, err := ReadSound(file, 8000, time.Minute); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadSoundHoldsNoMoreThanItReturns is what a stranger's file may cost.
func TestReadSoundHoldsNoMoreThanItReturns(t *testing.T) {
	studio := wavOf(t, 192000, 20*time.Second)
	bomb := bytes.Repeat(encode(t, Sine(1000, -12).Sound(16000, 3*time.Second)), 300)
	for name, file := range map[string][]byte{"a studio's": studio, "an hour of MP3": bomb[:min(len(bomb), maxMP3)]} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadSound(file, 8000, 10*time.Second); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s takes %d MB", name, took>>20)
		}
	}
}

// wavOf returns a WAV file with a tone of 1 kHz.
func wavOf(t *testing.T, rate int, d time.Duration) []byte {
	t.Helper()
	data, err := os.ReadFile(tempWAV(t, Sine(1000, -12).Sound(rate, d).Samples, rate, true))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
