package api

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/internal/store"
	"timbre/sync/jmap"
)

// Times of an event stream.
const (
	maxPing    = 5 * time.Minute  // the least that RFC 8620 §7.3 allows
	maxSilence = 30 * time.Second // a comment each time keeps the connection open
	streamTime = 10 * time.Second // to write one event to a client that reads
)

// An eventStream tells one client of changes until the client or its session is
// gone (RFC 8620 §7.3).
type eventStream struct {
	s     *Server
	w     http.ResponseWriter
	v     visit
	types []store.Type  // in order; empty: all
	once  bool          // ends after the first state
	ping  time.Duration // between two; zero: none
	told  states        // that the client knows of
	kept  states        // as last read; nil: to be read again
}

// states are those of some types. As the id of an event they are told to a client
// that comes back with the last that it has heard.
type states map[store.Type]store.State

// id returns what readStates reads.
func (s states) id() string {
	parts := make([]string, 0, len(s))
	for t, state := range s {
		parts = append(parts, string(t)+"="+string(state))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// readStates returns the states that id stands for; those that cannot be read are
// not known.
func readStates(id string) states {
	s := states{}
	for part := range strings.SplitSeq(id, ",") {
		if t, state, ok := strings.Cut(part, "="); ok {
			s[store.Type(t)] = store.State(state)
		}
	}
	return s
}

// events answers the event source.
func (s *Server) events(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	e := &eventStream{s: s, w: w, v: v, told: readStates(r.Header.Get("Last-Event-Id"))}
	switch q.Get("closeafter") {
	case "", "no":
	case "state":
		e.once = true
	default:
		writeProblem(w, http.StatusBadRequest, newProblem(http.StatusBadRequest, "closeafter is state or no"))
		return
	}
	var ok bool
	if e.ping, ok = pingTime(q.Get("ping")); !ok {
		writeProblem(w, http.StatusBadRequest, newProblem(http.StatusBadRequest, "ping is a number of seconds"))
		return
	}
	if t := q.Get("types"); t != "" && t != "*" {
		for _, name := range strings.Split(t, ",") {
			e.types = append(e.types, store.Type(name))
		}
	}
	h := w.Header()
	h.Set("Content-Type", jmap.EventType)
	h.Set("X-Accel-Buffering", "no") // else a proxy keeps events back
	end, done := s.streams.open(v.ID)
	defer done()
	if err := e.run(r.Context(), end); err != nil && r.Context().Err() == nil {
		s.log.Debug("event stream ended", "session", v.ID, "err", err)
	}
}

// pingTime returns the time between two pings for what a client asks, 0 for
// none, and false where that is no number of seconds.
func pingTime(asked string) (time.Duration, bool) {
	if asked == "" {
		return maxSilence, true
	}
	seconds, err := strconv.ParseUint(asked, 10, 32)
	return min(time.Duration(seconds)*time.Second, maxPing), err == nil
}

// run writes events until one cannot be written, the session or ctx is over or
// end is closed.
func (e *eventStream) run(ctx context.Context, end <-chan struct{}) error {
	wake, cancel := e.s.cfg.Store.Subscribe(e.v.Account)
	defer cancel()
	moved, unfollow := e.s.presence.follow()
	defer unfollow()
	if e.once && len(e.told) == 0 {
		// It waits for a change: what is known now is no news.
		var err error
		if e.told, err = e.now(ctx); err != nil {
			return err
		}
	}
	silence := time.NewTicker(maxSilence)
	defer silence.Stop()
	ping := time.NewTimer(e.ping)
	defer ping.Stop()
	if e.ping == 0 {
		ping.Stop()
	}
	expiry := time.NewTimer(time.Until(e.v.ExpiresAt))
	defer expiry.Stop()
	if err := e.send(nil); err != nil { // the headers, so that the client knows it is heard
		return err
	}
	for {
		told, err := e.tell(ctx)
		if told && e.once || err != nil {
			return err
		}
		if told && e.ping > 0 { // it is counted from the last event
			ping.Reset(e.ping)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-moved: // which is no end of a session
			continue
		case <-wake: // rows changed, or the session ended
			e.kept = nil
		case <-expiry.C:
		case <-silence.C:
			if err := e.send(e.comment); err != nil {
				return err
			}
		case <-ping.C:
			if err := e.write(jmap.NewPingEvent(int(e.ping / time.Second))); err != nil {
				return err
			}
			ping.Reset(e.ping)
		}
		session, err := e.s.cfg.Gate.Session(ctx, e.v.token)
		if err != nil {
			return err
		}
		expiry.Reset(time.Until(session.ExpiresAt)) // use puts it off
	}
}

// tell writes those states that the client does not know yet, and reports whether
// there were any.
func (e *eventStream) tell(ctx context.Context) (told bool, err error) {
	now, err := e.now(ctx)
	if err != nil {
		return false, err
	}
	news := map[string]string{}
	for t, state := range now {
		if e.told[t] != state {
			news[string(t)] = string(state)
		}
	}
	if len(news) == 0 {
		return false, nil
	}
	e.told = now
	return true, e.write(jmap.NewStateEvent(now.id(), jmap.ID(e.v.Account), news))
}

// now returns the states that the client asked for.
func (e *eventStream) now(ctx context.Context) (states, error) {
	if e.kept == nil {
		all, err := e.s.cfg.Store.States(ctx, e.v.Account)
		if err != nil {
			return nil, err
		}
		e.kept = all
	}
	now := states{}
	for t, state := range e.kept {
		if e.wants(t) {
			now[t] = state
		}
	}
	if state := e.s.presence.now(); state != "" && e.wants(typePresence) {
		now[typePresence] = state
	}
	return now, nil
}

// wants reports whether the client asked for t.
func (e *eventStream) wants(t store.Type) bool { return e.types == nil || slices.Contains(e.types, t) }

func (e *eventStream) write(event jmap.Event) error {
	return e.send(func() error {
		_, err := event.WriteTo(e.w)
		return err
	})
}

// comment is what clients skip (HTML, "Server-sent events", authoring notes).
func (e *eventStream) comment() error {
	_, err := io.WriteString(e.w, ":\n\n")
	return err
}

// send writes and flushes within streamTime. Between events there must be no
// deadline: HTTP/2 ends the stream when one passes, even if nothing is written.
func (e *eventStream) send(write func() error) error {
	control := http.NewResponseController(e.w)
	if err := control.SetWriteDeadline(time.Now().Add(streamTime)); err != nil {
		return err
	}
	if write != nil {
		if err := write(); err != nil {
			return err
		}
	}
	if err := control.Flush(); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{})
}
