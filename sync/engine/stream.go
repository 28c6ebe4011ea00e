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
	proven    = 30 * time.Second // one that lasts for so long works
)

// streamLoop listens to the event source (RFC 8620 §7.3) and wakes the sync loop
// when the server has news. While it cannot, syncLoop polls. Only another login cuts
// the pause after a failure short: whatever stands between may answer each try at
// once.
func (e *Engine) streamLoop(ctx context.Context, streaming *atomic.Bool) {
	var of *login
	last := "" // id of the last event
	failures := 0
	var next <-chan time.Time // the end of a pause
	ended := false            // the session of the login: only a sync that works tries again
	for {
		rested := false
		select {
		case <-ctx.Done():
			return
		case <-next:
			next, rested = nil, true
		case <-e.tasks.stream:
		}
		l, err := e.current()
		if err != nil || l == of && (next != nil || rested && ended) {
			continue
		}
		if l != of {
			of, last, failures = l, "", 0
		}
		worked, err := e.listen(ctx, l, &last, streaming)
		e.forgetPresence()
		if worked {
			failures = 0
		}
		ended = errors.Is(err, office.ErrSession) || errors.Is(err, office.ErrFingerprint)
		if streaming.Swap(false) || ended {
			wake(e.tasks.sync) // is the server still there? It tells the user
		}
		e.log.Debug("event source ended", "err", err)
		if next = e.pause(ctx, err, failures); next == nil {
			return
		}
		failures++
	}
}

// listen holds one connection to the event source until it ends. It worked if it
// brought something, or lasted.
func (e *Engine) listen(ctx context.Context, l *login, last *string, streaming *atomic.Bool) (worked bool, err error) {
	c, err := l.door()
	if err != nil {
		return false, err
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
		return false, err
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.send(within, http.MethodGet, target, nil, "Accept", jmap.EventType, "Last-Event-ID", *last)
	if err != nil {
		return false, err
	}
	begun := time.Now()
	defer res.Body.Close()
	streaming.Store(true)
	e.wantPresence("") // what was pushed while nobody listened is lost
	wake(e.tasks.sync)
	body := newStallReader(res.Body, silence, cancel)
	defer body.stop()
	err = jmap.ReadEvents(body, func(event jmap.Event) error {
		worked = true
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
	return worked || time.Since(begun) > proven, err
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
