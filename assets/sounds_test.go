package assets_test

import (
	"bytes"
	"io/fs"
	"testing"
	"time"

	"timbre/assets"
	"timbre/internal/media"
)

func TestSounds(t *testing.T) {
	total := 0
	found := map[string]bool{}
	err := fs.WalkDir(assets.Sounds, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := assets.Sounds.ReadFile(path)
		if err != nil {
			return err
		}
		total += len(data)
		found[path] = true
		s, err := media.ReadWAV(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		if l, d := media.Loudness(s.Samples), s.Duration(); l < -26 || l > -10 || d < 2*time.Second || d > 7*time.Second {
			t.Errorf("%s: %.1f dBFS for %v", path, l, d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 300<<10 {
		t.Errorf("%d bytes of sounds", total)
	}
	for _, language := range []string{"es", "en"} {
		for _, name := range []string{"vm-intro", "demo-echotest"} {
			if path := "sounds/" + language + "/" + name + ".wav"; !found[path] {
				t.Errorf("%s is missing", path)
			}
		}
	}
}

func TestRingtoneHasTwoNotes(t *testing.T) {
	data, err := assets.Sounds.ReadFile("sounds/ringtone.wav")
	if err != nil {
		t.Fatal(err)
	}
	s, err := media.ReadWAV(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, hz := range []float64{659, 988} {
		if l := media.Level(s.Samples[s.Rate/5:s.Rate*3/5], s.Rate, hz); l < -30 {
			t.Errorf("%.0f Hz has %.1f dBFS", hz, l)
		}
	}
	if l := media.Loudness(s.Samples[3*s.Rate:]); l > -60 {
		t.Errorf("the rest between two rings has %.1f dBFS", l)
	}
}
