package voicemail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"timbre/assets"
	"timbre/internal/media"
	"timbre/internal/office"
)

// System is where Debian's packages of recorded prompts put them.
const System = "/usr/share/asterisk/sounds"

// Sounds finds spoken prompts: in the administrator's folder, then in the
// system's, then among the ones that are built in. It is safe for concurrent
// use.
type Sounds struct {
	folder string // the administrator's, may be empty
	system string

	mu    sync.Mutex
	found map[string][]int16 // guarded by mu; by language and name
}

// NewSounds returns the prompts in folder, which may be empty, then in the
// system's.
func NewSounds(folder, system string) *Sounds {
	return &Sounds{folder: folder, system: system, found: map[string][]int16{}}
}

// Prompt returns a prompt in the given language, as samples at Rate which must
// not be changed. A prompt that is nowhere is an error that wraps
// fs.ErrNotExist.
func (s *Sounds) Prompt(p Prompt, l office.Language) ([]int16, error) {
	key := short(l) + "/" + string(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if samples, ok := s.found[key]; ok {
		return samples, nil
	}
	samples, err := s.read(p, short(l))
	if err != nil {
		return nil, fmt.Errorf("reading prompt %s: %w", key, err)
	}
	s.found[key] = samples
	return samples, nil
}

// read finds and decodes a prompt.
func (s *Sounds) read(p Prompt, language string) ([]int16, error) {
	folders := []string{s.folder, s.system}
	if p == EchoTest {
		folders = folders[:1] // the system's explains for 25 s what is heard at once
	}
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		for _, kind := range []string{".wav", ".g722", ".ulaw", ".mp3"} {
			// Folders are named es, es-MX or, by the voice, es_MX_f_Allison.
			files, _ := filepath.Glob(filepath.Join(folder, language+"*", string(p)+kind))
			for _, f := range files {
				samples, err := readPrompt(f)
				if err == nil || !errors.Is(err, media.ErrFormat) && !errors.Is(err, os.ErrNotExist) {
					return samples, err
				}
			}
		}
	}
	data, err := fs.ReadFile(assets.Sounds, "sounds/"+language+"/"+string(p)+".mp3")
	if err != nil {
		return nil, err
	}
	return decodeMP3(data)
}

// readPrompt returns the samples at Rate of the file of a prompt.
func readPrompt(file string) ([]int16, error) {
	if filepath.Ext(file) != ".mp3" {
		return media.ReadPrompt(file)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > office.MaxGreetingBytes {
		return nil, media.ErrFormat
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return decodeMP3(data)
}

func decodeMP3(data []byte) ([]int16, error) {
	sound, err := media.DecodeMP3(data)
	return sound.At(Rate).Samples, err
}

// short returns the part of a language tag that folders begin with. Timbre
// speaks Spanish unless told otherwise.
func short(l office.Language) string {
	if l == office.English {
		return "en"
	}
	return "es"
}
