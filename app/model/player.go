package model

import (
	"context"
	"errors"
	"io"
	"time"

	"timbre/internal/office"
)

// A Sound is one message, decoded and ready to be heard. softphone/audio makes
// them.
type Sound interface {
	// Run plays from the position on. At the end it goes back to the start and
	// returns nil; when ctx ends it stays where it is and returns ctx's error.
	Run(ctx context.Context) error
	Position() time.Duration
	Seek(to time.Duration)
	Duration() time.Duration
}

// tick is how often the position of a playing message is looked at: often
// enough for a smooth slider (at most 10 a second).
const tick = 100 * time.Millisecond

// A Player plays the message of the open row. Its zero value has no message.
type Player struct {
	Playing  bool
	Loading  bool // the sound is being fetched
	Position time.Duration
	Length   time.Duration
	Problem  string // in words; empty for none

	desk     *Desk
	open     func(io.Reader) (Sound, error)
	onChange func()
	sound    Sound
	turn     int             // counts messages, so that a late answer finds that it is late
	run      int             // counts starts and stops, for the same reason
	halt     func()          // ends what plays; nil while nothing does
	idle     <-chan struct{} // closed when the last run has returned; nil before the first
}

// unload stops and forgets the message.
func (p *Player) unload() {
	p.Pause()
	p.turn++
	p.sound, p.Loading, p.Position, p.Length, p.Problem = nil, false, 0, 0, ""
}

// hearing is how much of a message must have sounded before it counts as heard:
// by then it is known whether there is a speaker.
const hearing = time.Second

// play fetches the sound where that has not been done and plays it; heard is
// called once it has been heard.
func (p *Player) play(fetch func(context.Context) (io.ReadSeekCloser, error), heard func()) {
	if p.Playing || p.Loading {
		return
	}
	p.Problem = ""
	if p.sound != nil {
		p.start(heard)
		return
	}
	p.Loading = true
	p.onChange()
	turn := p.turn
	p.desk.Go(func(ctx context.Context) func() {
		file, err := fetch(ctx)
		var sound Sound
		if err == nil {
			sound, err = p.open(file)
			file.Close()
		}
		return func() {
			if turn != p.turn {
				return
			}
			p.Loading = false
			if err != nil {
				p.Problem = p.words(err)
				p.onChange()
				return
			}
			p.sound = sound
			p.sound.Seek(p.Position)
			p.start(heard)
		}
	})
}

func (p *Player) words(err error) string {
	switch {
	case errors.Is(err, office.ErrOffline):
		return p.desk.Phrases.Say("voicemail.notHere")
	case errors.Is(err, errSound):
		return p.desk.Phrases.Say("error.audio")
	}
	var kind office.Error
	if errors.As(err, &kind) {
		return p.desk.Phrases.Words(err)
	}
	return p.desk.Phrases.Say("error.badAudio")
}

var errSound = errors.New("no sound device")

// start plays p.sound on a goroutine of its own.
func (p *Player) start(heard func()) {
	p.run++
	sound, run, before := p.sound, p.run, p.idle
	idle := make(chan struct{})
	p.idle = idle
	ctx, cancel := context.WithCancel(p.desk.ctx)
	from := sound.Position()
	ticks := p.desk.Every(tick, func() {
		at := sound.Position()
		p.Position = p.within(at)
		if heard != nil && at >= from+hearing {
			heard()
			heard = nil
		}
		p.onChange()
	})
	p.halt = func() { ticks(); cancel() }
	p.Playing = true
	p.desk.Go(func(context.Context) func() {
		defer close(idle)
		if before != nil {
			<-before // a sound is run once at a time
		}
		err := sound.Run(ctx)
		return func() {
			if run != p.run {
				return
			}
			p.Pause()
			p.Position = 0
			if err != nil {
				p.desk.Log.Warn("playing voicemail", "err", err)
				p.Problem = p.words(errors.Join(errSound, err))
			} else if heard != nil { // shorter than that
				heard()
			}
			p.onChange()
		}
	})
	p.onChange()
}

// Pause stops and stays where it is.
func (p *Player) Pause() {
	if p.halt == nil {
		return
	}
	p.halt()
	p.run++
	p.halt, p.Playing = nil, false
	p.Position = p.within(p.sound.Position())
	p.onChange()
}

// within keeps a position inside the length that is shown; the sound itself may
// be a little longer.
func (p *Player) within(at time.Duration) time.Duration { return min(max(at, 0), p.Length) }

// Seek goes to a position, playing or not.
func (p *Player) Seek(to time.Duration) {
	p.Position = p.within(to)
	if p.sound != nil {
		p.sound.Seek(p.Position)
	}
	p.onChange()
}
