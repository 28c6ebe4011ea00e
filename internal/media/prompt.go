package media

// PromptRate is the rate of decoded prompts.
const PromptRate = 8000

// ReadPrompt returns the samples at 8 kHz of a prompt file, whose kind is told
// by the end of its name: .g722, .wav or .ulaw.
func ReadPrompt(path string) ([]int16, error) { return nil, nil }

// DecodePrompt does the same for a prompt that is in memory.
func DecodePrompt(name string, data []byte) ([]int16, error) { return nil, nil }
