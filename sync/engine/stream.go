package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// Times of the event source.
const (
	pingEvery = 30 * time.Second // asked of the server
	silence   = 75 * time.Second // a connection that brings nothing for so long is dead
)

// streamLoop listens to the event source (RFC 8620 §7.3) and wakes the sync loop
// when the server has news. While it cannot, syncLoop polls.
func (e *Engine) streamLoop(ctx context.Context, streaming *atomic.Bool) {
	var of *login
	last := "" // id of the last event
	failures := 0
	var next <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-next:
		case <-e.tasks.stream:
		}
		next = nil
		l, err := e.current()
		if err != nil {
			continue
		}
		if l != of {
			of, last, failures = l, "", 0
		}
		err = e.listen(ctx, l, &last, streaming)
		if streaming.Swap(false) {
			failures = 0
			wake(e.tasks.sync) // is the server still there?
		}
		if errors.Is(err, office.ErrSession) || errors.Is(err, office.ErrFingerprint) {
			wake(e.tasks.sync) // it tells the user
			continue
		}
		e.log.Debug("event source ended", "err", err)
		next = time.After(backoff(failures, rand.Float64()))
		failures++
	}
}

// listen holds one connection to the event source until it ends.
func (e *Engine) listen(ctx context.Context, l *login, last *string, streaming *atomic.Bool) error {
	c, err := l.door()
	if err != nil {
		return err
	}
	types := make([]string, len(followed))
	for i, t := range followed {
		types[i] = string(t)
	}
	session := l.jmapSession()
	target, err := jmap.Expand(session.EventSourceURL, map[string]string{
		"types": strings.Join(types, ","), "closeafter": "no", "ping": strconv.Itoa(int(pingEvery / time.Second)),
	})
	if err != nil {
		return err
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.send(within, http.MethodGet, target, nil, "Accept", jmap.EventType, "Last-Event-ID", *last)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	streaming.Store(true)
	body := newStallReader(res.Body, silence, cancel)
	defer body.stop()
	return jmap.ReadEvents(body, func(event jmap.Event) error {
		if now, err := e.current(); err != nil || now != l {
			return office.ErrSession // whoever is logged in now listens anew
		}
		if event.ID != "" {
			*last = event.ID
		}
		if event.Name == "state" && e.isNews(ctx, l, event.Data) {
			wake(e.tasks.sync)
		}
		return nil
	})
}

// isNews reports whether a StateChange tells of a state that the mirror is not at.
func (e *Engine) isNews(ctx context.Context, l *login, data []byte) bool {
	var change jmap.StateChange
	if json.Unmarshal(data, &change) != nil {
		return false
	}
	for t, state := range change.Changed[jmap.ID(l.account.ID)] {
		have, err := l.mirror.State(ctx, local.Type(t))
		if err != nil || have != state {
			return true
		}
	}
	return false
}

// A stallReader gives up a body that brings nothing for a while.
type stallReader struct {
	r     io.Reader
	limit time.Duration
	timer *time.Timer
}

// newStallReader returns a reader of r that calls giveUp when a read has brought
// nothing for limit. It must be stopped.
func newStallReader(r io.Reader, limit time.Duration, giveUp func()) *stallReader {
	return &stallReader{r, limit, time.AfterFunc(limit, giveUp)}
}

func (s *stallReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.timer.Reset(s.limit)
	return n, err
}

func (s *stallReader) stop() { s.timer.Stop() }
