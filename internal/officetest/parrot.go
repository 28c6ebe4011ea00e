package officetest

import (
	"context"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/softphone"
	"timbre/softphone/audio"
)

// A Parrot is a sound device that says what it hears, a while later.
type Parrot struct {
	Delay time.Duration
}

var _ softphone.Audio = Parrot{}

// Run implements softphone.Audio.
func (p Parrot) Run(ctx context.Context, s media.Stream) error {
	var mu sync.Mutex
	// Guarded by mu. It begins with the delay: from then on as much comes as goes.
	memory := make([]int16, int(p.Delay.Seconds()*float64(s.Rate)))
	source, sink := s.Source, s.Sink
	s.Source = func(frame []int16) {
		source(frame)
		mu.Lock()
		defer mu.Unlock()
		memory = append(memory, frame...)
	}
	s.Sink = func(frame []int16) {
		out := make([]int16, len(frame))
		mu.Lock()
		memory = memory[copy(out, memory):]
		mu.Unlock()
		sink(out)
	}
	return audio.Null{}.Run(ctx, s)
}
