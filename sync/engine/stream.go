package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
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
		e.forgetPresence()
		if streaming.Swap(false) {
			failures = 0
			wake(e.tasks.sync) // is the server still there?
		}
		if errors.Is(err, office.ErrSession) || errors.Is(err, office.ErrFingerprint) {
			wake(e.tasks.sync) // it tells the user
			continue
		}
		e.log.Debug("event source ended", "err", err)
		if next = e.pause(ctx, err, failures); next == nil {
			return
		}
		failures++
	}
}

// listen holds one connection to the event source until it ends.
func (e *Engine) listen(ctx context.Context, l *login, last *string, streaming *atomic.Bool) error {
	c, err := l.door()
	if err != nil {
		return err
	}
	types := []string{presenceType}
	for _, t := range slices.Concat(local.Lists, local.Singletons) {
		types = append(types, string(t))
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
	e.wantPresence("") // what was pushed while nobody listened is lost
	wake(e.tasks.sync)
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
	news := false
	for t, state := range change.Changed[jmap.ID(l.account.ID)] {
		if t == presenceType {
			news = e.wantPresence(state) || news
			continue
		}
		if l.lacks(local.Type(t)) {
			continue
		}
		have, err := l.mirror.State(ctx, local.Type(t))
		news = news || err != nil || have != state
	}
	return news
}

// A stallReader gives up a body that brings nothing for a while, and remembers
// what broke it.
type stallReader struct {
	r     io.Reader
	limit time.Duration
	timer *time.Timer
	err   error
}

// newStallReader returns a reader of r that calls giveUp when a read has brought
// nothing for limit. It must be stopped.
func newStallReader(r io.Reader, limit time.Duration, giveUp func()) *stallReader {
	return &stallReader{r: r, limit: limit, timer: time.AfterFunc(limit, giveUp)}
}

func (s *stallReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.timer.Reset(s.limit)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *stallReader) stop() { s.timer.Stop() }
