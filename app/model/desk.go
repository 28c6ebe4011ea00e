package model

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"timbre/internal/office"
)

// A Desk is what all models of one window share: the words, the clock, and the
// way to do what waits elsewhere. Its fields do not change after the login.
type Desk struct {
	Phrases *Phrasebook
	Region  office.Region // how numbers are written
	Now     func() time.Time
	Log     *slog.Logger

	post func(func())
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
}

// NewDesk returns a desk whose models live on the goroutine that post runs
// functions on, in order. post must not block.
func NewDesk(phrases *Phrasebook, log *slog.Logger, post func(func())) *Desk {
	d := &Desk{Phrases: phrases, Region: office.DefaultRegion, Now: time.Now, Log: log, post: post}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// Close ends all work and returns when it has ended.
func (d *Desk) Close() {
	d.stop()
	d.work.Wait()
}

// Go runs work on a goroutine of its own. What work returns runs afterwards
// where the models live; nil is nothing.
func (d *Desk) Go(work func(ctx context.Context) func()) {
	d.work.Add(1)
	go func() {
		defer d.work.Done()
		if then := work(d.ctx); then != nil && d.ctx.Err() == nil {
			d.post(then)
		}
	}()
}

// after runs f where the models live once wait has passed, unless the returned
// function is called before.
func (d *Desk) after(wait time.Duration, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(d.ctx)
	d.Go(func(context.Context) func() {
		defer cancel()
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			return f
		}
	})
	return cancel
}

// Every runs f where the models live again and again until the returned
// function is called.
func (d *Desk) Every(period time.Duration, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(d.ctx)
	d.Go(func(context.Context) func() {
		defer cancel()
		t := time.NewTicker(period)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-t.C:
				d.post(func() {
					if ctx.Err() == nil {
						f()
					}
				})
			}
		}
	})
	return cancel
}

// changed calls f if there is one.
func changed(f func()) {
	if f != nil {
		f()
	}
}
