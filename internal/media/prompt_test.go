package media

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gotranspile/g722"
)

func TestReadPrompt(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tone := Sine(600, -12).Sound(16000, time.Second)
	ulaw := make([]byte, 8000)
	PCMU.Encode(ulaw, tone.At(8000).Samples)
	for _, path := range []string{
		put("a.g722", g722.Encode(tone.Samples, 64000, 0)),
		put("a.ulaw", ulaw),
		tempWAV(t, tone.Samples, 16000, true),
	} {
		pcm, err := ReadPrompt(path)
		if err != nil || len(pcm) < 7900 || len(pcm) > 8000 {
			t.Fatalf("%s: %d samples, %v", filepath.Base(path), len(pcm), err)
		}
		if got := Level(pcm[800:7200], PromptRate, 600); got < -12.5 || got > -11.5 {
			t.Errorf("%s: the tone has %.1f dBFS", filepath.Base(path), got)
		}
	}
	for _, path := range []string{put("a.mp3", ulaw), put("b.wav", ulaw), put("big.ulaw", make([]byte, maxPrompt+1)), dir} {
		if _, err := ReadPrompt(path); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	if _, err := ReadPrompt(filepath.Join(dir, "none.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestSystemPrompts(t *testing.T) {
	// The recordings that Debian installs; the make target test brings them.
	files, err := filepath.Glob("/usr/share/asterisk/sounds/*/vm-intro.g722")
	if _, debian := os.Stat("/etc/debian_version"); debian == nil && len(files) == 0 || err != nil {
		t.Fatalf("no prompts in the system: %v", err)
	}
	for _, f := range files {
		pcm, err := ReadPrompt(f)
		if err != nil {
			t.Error(err)
			continue
		}
		s := Sound{Rate: PromptRate, Samples: pcm}
		if d, l := s.Duration(), Loudness(pcm); d < 2*time.Second || d > 15*time.Second || l < -40 || l > -5 {
			t.Errorf("%s lasts %v at %.1f dBFS", f, d, l)
		}
	}
}
