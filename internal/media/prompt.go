package media

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// PromptRate is the rate of decoded prompts.
const PromptRate = 8000

// maxPrompt is the largest prompt file in bytes: more than eight minutes of
// G.722.
const maxPrompt = 4 << 20

// ReadPrompt returns the samples at 8 kHz of a prompt file, whose kind is told
// by the end of its name: .g722, .wav or .ulaw. It returns ErrFormat for any
// other and for a file above 4 MiB.
func ReadPrompt(path string) ([]int16, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading prompt: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxPrompt {
		return nil, fmt.Errorf("reading prompt %s: %w", path, ErrFormat)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading prompt: %w", err)
	}
	return DecodePrompt(path, data)
}

// DecodePrompt does the same for a prompt that is in memory.
func DecodePrompt(name string, data []byte) ([]int16, error) {
	var s Sound
	switch filepath.Ext(name) {
	case ".g722":
		s = decodeG722(data)
	case ".ulaw":
		s = Sound{Rate: PromptRate, Samples: make([]int16, len(data))}
		PCMU.Decode(s.Samples, data)
	case ".wav":
		var err error
		if s, err = ReadWAV(bytes.NewReader(data)); err != nil {
			return nil, fmt.Errorf("decoding prompt %s: %w", name, err)
		}
	default:
		return nil, fmt.Errorf("decoding prompt %s: %w", name, ErrFormat)
	}
	return s.At(PromptRate).Samples, nil
}
