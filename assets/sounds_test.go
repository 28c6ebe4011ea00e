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
			const second = 16000 / 8 // bytes
			beginning, err := media.DecodeMP3(data[:min(len(data), second)])
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			d := time.Duration(len(data)) * time.Second / second
			most := time.Second + time.Duration(len(columns[i+1]))*110*time.Millisecond // a letter takes about 60 ms
			if l := media.Loudness(beginning.Samples); l < -29 || l > -10 || d < 400*time.Millisecond || d > most {
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
