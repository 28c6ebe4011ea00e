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
	v     *visit
	types []store.Type  // in order; empty: all
	once  bool          // ends after the first state
	ping  time.Duration // between two; zero: none
	told  states        // that the client knows of
	kept  states        // as last read; nil: to be read again

	silence      *time.Ticker // until the next comment
	ring, expiry *time.Timer  // until the next ping, and until the session has ended if it is not used
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

// events answers the event source. Thousands may wait here, so that it keeps little
// on its stack: what needs more is done apart.
func (s *Server) events(w http.ResponseWriter, r *http.Request, v *visit) {
	e, refused := s.newEventStream(w, r, v)
	if refused != nil {
		writeProblem(w, refused.Status, refused)
		return
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

// newEventStream returns the stream that a request asks for.
func (s *Server) newEventStream(w http.ResponseWriter, r *http.Request, v *visit) (*eventStream, *problem) {
	q := r.URL.Query()
	e := &eventStream{s: s, w: w, v: v, told: readStates(r.Header.Get("Last-Event-Id"))}
	switch q.Get("closeafter") {
	case "", "no":
	case "state":
		e.once = true
	default:
		return nil, newProblem(http.StatusBadRequest, "closeafter is state or no")
	}
	var ok bool
	if e.ping, ok = pingTime(q.Get("ping")); !ok {
		return nil, newProblem(http.StatusBadRequest, "ping is a number of seconds")
	}
	if t := q.Get("types"); t != "" && t != "*" {
		for _, name := range strings.Split(t, ",") {
			e.types = append(e.types, store.Type(name))
		}
	}
	return e, nil
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
	e.silence, e.ring, e.expiry = time.NewTicker(maxSilence), time.NewTimer(e.ping), time.NewTimer(time.Until(e.v.ExpiresAt))
	defer e.silence.Stop()
	defer e.ring.Stop()
	defer e.expiry.Stop()
	if e.ping == 0 {
		e.ring.Stop()
	}
	why := opened
	for {
		var over bool
		var err error
		apart(func() { over, err = e.serve(ctx, why) })
		if over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-moved:
			why = presenceMoved
		case <-wake:
			why = woken
		case <-e.expiry.C:
			why = expired
		case <-e.silence.C:
			why = silent
		case <-e.ring.C:
			why = pinged
		}
	}
}

// A cause is why a stream has something to do.
type cause int

const (
	opened        cause = iota
	presenceMoved       // which is no end of a session
	woken               // rows changed, or the session ended
	expired             // perhaps: use puts it off
	silent
	pinged
)

// serve does what is to be done for a cause, and tells what is new; over is true
// where the stream has told all that it was asked for.
func (e *eventStream) serve(ctx context.Context, why cause) (over bool, err error) {
	switch why {
	case opened:
		err = e.begin(ctx)
	case woken:
		e.kept = nil
	case silent:
		err = e.send(e.comment)
	case pinged:
		err = e.write(jmap.NewPingEvent(int(e.ping / time.Second)))
		e.ring.Reset(e.ping)
	}
	if err != nil {
		return false, err
	}
	if why != opened && why != presenceMoved {
		session, err := e.s.cfg.Gate.Session(ctx, e.v.token)
		if err != nil {
			return false, err
		}
		e.expiry.Reset(time.Until(session.ExpiresAt))
	}
	told, err := e.tell(ctx)
	if told && e.ping > 0 { // it is counted from the last event
		e.ring.Reset(e.ping)
	}
	return told && e.once, err
}

// begin sends the headers, so that the client knows it is heard.
func (e *eventStream) begin(ctx context.Context) (err error) {
	if e.once && len(e.told) == 0 {
		// It waits for a change: what is known now is no news.
		if e.told, err = e.now(ctx); err != nil {
			return err
		}
	}
	return e.send(nil)
}

// apart runs fn on a stack of its own and waits for it: one that has grown shrinks
// slowly, and never below four times of what is in use. A panic is the caller's.
func apart(fn func()) {
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		fn()
	}()
	if p := <-done; p != nil {
		panic(p)
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
