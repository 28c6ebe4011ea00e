package main

import (
	"context"
	"time"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

// A rating is how a call sounded, to be sent to the office.
type rating struct {
	call    office.ID // in the log
	quality office.Quality
}

// rate says of a call that is over why it sounded badly, if it did, and keeps how it
// sounded for the office.
func (t *terminal) rate(c *softphone.Call, s softphone.Status) {
	if s.State != softphone.Ended || s.AnsweredAt.IsZero() {
		return
	}
	q := c.Quality()
	if text := t.o.words.Quality(q); text != "" && !t.o.json {
		t.o.note(text)
	}
	if s.LogID == "" { // the office is none of ours
		return
	}
	select {
	case t.ratings <- rating{s.LogID, q.Office()}:
	default: // the disk is stuck: a call is worth more
	}
}

// deliverTime is how long the office may take to hear how a call sounded, before that
// waits for the next command.
const deliverTime = 5 * time.Second

// report hands the ratings to the engine, which keeps what the office does not take now,
// until there will be no more.
func (t *terminal) report(ctx context.Context, e *engine.Engine) {
	for r := range t.ratings {
		if err := e.AddQuality(ctx, r.call, r.quality); err != nil {
			t.o.log.Warn("quality not kept", "call", r.call, "err", err)
			continue
		}
		limit, cancel := context.WithTimeout(ctx, deliverTime)
		if err := e.SyncOnce(limit); err != nil {
			t.o.log.Info("quality not sent", "call", r.call, "err", err)
		}
		cancel()
	}
}

// run is phone.Run, after which all ratings are with the engine.
func (t *terminal) run(ctx context.Context, phone *softphone.Phone, e *engine.Engine) error {
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		t.report(context.WithoutCancel(ctx), e)
	}()
	err := phone.Run(ctx)
	close(t.ratings) // its callbacks have returned
	<-reported
	return err
}
