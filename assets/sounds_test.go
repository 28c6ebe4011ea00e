package assets_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"timbre/assets"
	"timbre/internal/media"
)

// TestPrompts compares what is embedded with the words it was made from.
func TestPrompts(t *testing.T) {
	words, err := os.ReadFile("sounds/prompts.txt")
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string]bool{}
	for line := range strings.Lines(string(words)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, " | ")
		if len(columns) != 3 {
			t.Errorf("not NAME | Spanish | English: %s", line)
			continue
		}
		for i, language := range []string{"es", "en"} {
			path := "sounds/" + language + "/" + columns[0] + ".mp3"
			expected[path] = true
			data, err := assets.Sounds.ReadFile(path)
			if err != nil {
				t.Error(err)
				continue
			}
			s, err := media.DecodeMP3(data)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			// A letter takes 60 ms, and a word cannot be said faster than that.
			least, most := 200*time.Millisecond, time.Second+time.Duration(len(columns[i+1]))*110*time.Millisecond
			if l, d := media.Loudness(s.Samples), s.Duration(); l < -29 || l > -10 || d < least || d > most {
				t.Errorf("%s: %.1f dBFS for %v", path, l, d)
			}
		}
	}
	total := 0
	err = fs.WalkDir(assets.Sounds, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += int(info.Size())
		if strings.Count(path, "/") > 1 && !expected[path] {
			t.Errorf("%s has no words", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 1200<<10 {
		t.Errorf("%d bytes of sounds", total)
	}
}

// TestMusicIsSoft: it must be heard behind a voice, and never be loud or silent.
func TestMusicIsSoft(t *testing.T) {
	data, err := assets.Sounds.ReadFile("sounds/music.mp3")
	if err != nil {
		t.Fatal(err)
	}
	s, err := media.DecodeMP3(data)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at+2*s.Rate <= len(s.Samples); at += 2 * s.Rate {
		if l := media.Loudness(s.Samples[at : at+2*s.Rate]); l < -50 || l > -15 {
			t.Errorf("after %d s: %.1f dBFS", at/s.Rate, l)
		}
	}
}

func TestRingtoneHasTwoNotes(t *testing.T) {
	data, err := assets.Sounds.ReadFile("sounds/ringtone.wav")
	if err != nil {
		t.Fatal(err)
	}
	s, err := media.ReadWAV(strings.NewReader(string(data)))
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
