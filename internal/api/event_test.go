package api_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// A stream is an open event source of a test.
type stream struct {
	t      *testing.T
	events chan jmap.Event
	ended  chan error
}

// listen opens an event source and reads it until it or the test ends.
func (h *house) listen(t *testing.T, token, query, lastID string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", h.url+"/jmap/eventsource?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	client := *h.client
	client.Timeout = 0 // bounded by the waits
	res, err := client.Do(r)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != jmap.EventType || res.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	s := &stream{t, make(chan jmap.Event, 100), make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ended <- jmap.ReadEvents(res.Body, func(e jmap.Event) error { s.events <- e; return nil })
		close(s.events)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		res.Body.Close()
	})
	return s
}

// next returns the next event of the given name; others are skipped.
func (s *stream) next(name string) jmap.Event {
	s.t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				s.t.Fatalf("the stream ended: %v", <-s.ended)
			}
			if e.Name == name {
				return e
			}
		case <-deadline:
			s.t.Fatalf("no %s event", name)
		}
	}
}

// end waits for the server to end the stream and returns how long that took.
func (s *stream) end() time.Duration {
	s.t.Helper()
	began := time.Now()
	select {
	case err := <-s.ended:
		if err != io.EOF {
			s.t.Errorf("the stream broke: %v", err)
		}
	case <-time.After(limit):
		s.t.Fatal("the stream does not end")
	}
	return time.Since(began)
}

func states(t *testing.T, e jmap.Event, account office.ID) map[string]string {
	t.Helper()
	var change jmap.StateChange
	if err := json.Unmarshal(e.Data, &change); err != nil || change.Type != "StateChange" || len(change.Changed) != 1 {
		t.Fatalf("%s: %v", e.Data, err)
	}
	return change.Changed[jmap.ID(account)]
}

func TestEventSourceTellsOfChanges(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), h.account("101")
	// Without presence, which comes when it likes.
	all := h.listen(t, s.Token, "types=Voicemail,Call&closeafter=no&ping=30", "")
	first := all.next("state")
	now := states(t, first, me)
	if now["Voicemail"] == "" || now["Call"] == "" {
		t.Fatalf("%v, want the states of both types at once", now)
	}
	h.leave("102", 1, "not mine")
	h.leave("101", 2, "mine")
	second := all.next("state")
	after := states(t, second, me)
	if after["Voicemail"] == now["Voicemail"] || len(after) != 1 {
		t.Errorf("%v after %v: want a new state of Voicemail alone", after, now)
	}
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Voicemail/get", jmap.GetArgs{AccountID: jmap.ID(me)}))
	if got.State != after["Voicemail"] {
		t.Errorf("announced %s, but get says %s", after["Voicemail"], got.State)
	}

	// Who was away hears at once of what it missed, and of nothing else.
	missed := h.listen(t, s.Token, "types=Call,Voicemail", first.ID).next("state")
	if missed.ID != second.ID || !maps.Equal(states(t, missed, me), after) {
		t.Errorf("%+v, want %+v", missed, second)
	}
	// Who asks for more than before hears of that too; what is no id is none.
	if more := states(t, h.listen(t, s.Token, "types=Voicemail,Profile", second.ID).next("state"), me); len(more) != 1 || more["Profile"] == "" {
		t.Errorf("%v", more)
	}
	if all := states(t, h.listen(t, s.Token, "types=Voicemail,Call", "Voicemail,=,x=y,"+strings.Repeat("z", 9000)).next("state"), me); len(all) != 2 {
		t.Errorf("%v", all)
	}
	if e := <-h.listen(t, s.Token, "types=Voicemail,Call&closeafter=state", first.ID).events; e.ID != second.ID {
		t.Errorf("%+v: who missed something waits for the next", e)
	}
	quiet := h.listen(t, s.Token, "types=Voicemail,Call&ping=1", second.ID)
	if e := <-quiet.events; e.Name != "ping" || string(e.Data) != `{"interval":1}` {
		t.Errorf("%s %s, want a ping only", e.Name, e.Data)
	}
}

func TestEventSourceOfSomeTypes(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), h.account("101")
	calls := h.listen(t, s.Token, "types=Call,Email&closeafter=no&ping=0", "")
	now := states(t, calls.next("state"), me)
	h.leave("101", 1, "not asked for")
	h.log("101", 2)
	after := states(t, calls.next("state"), me)
	if len(now) != 1 || len(after) != 1 || after["Call"] == now["Call"] {
		t.Errorf("%v, then %v", now, after)
	}
}

func TestEventSourceThatEndsAfterAChange(t *testing.T) {
	h := open(t)
	s := h.login("101")
	once := h.listen(t, s.Token, "types=Call&closeafter=state&ping=1", "")
	if e := <-once.events; e.Name != "ping" {
		t.Errorf("%s: the present state is no change", e.Name)
	}
	h.log("101", 1)
	once.next("state")
	once.end()
}

func TestEventSourceEndsWithItsSession(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	ways := map[string]func(token string) error{
		"logout": func(token string) error { h.do("DELETE", "/v1/sessions/current", token, nil); return nil },
		"new password": func(string) error {
			_, err := h.admin.ResetPassword(ctx, "101", "secret-101")
			return err
		},
		"device removed": func(string) error {
			devices, err := h.admin.Devices(ctx, "101")
			if err != nil {
				return err
			}
			return h.admin.RemoveDevice(ctx, devices[0].ID)
		},
		"extension removed": func(string) error { return h.admin.RemoveExtension(ctx, "102", 0) },
	}
	for _, way := range []string{"logout", "new password", "device removed", "extension removed"} {
		ext := office.Number("101")
		if way == "extension removed" {
			ext = "102"
		}
		s := h.login(ext)
		open := h.listen(t, s.Token, "", "")
		open.next("state")
		if err := ways[way](s.Token); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if took := open.end(); took > time.Second {
			t.Errorf("%s: the stream went on for %s", way, took)
		}
	}
}

func TestEventSourceEndsWhenItsSessionExpires(t *testing.T) {
	h := open(t)
	s := h.login("101")
	open := h.listen(t, s.Token, "ping=1", "")
	open.next("ping") // which is a use of the session
	h.ahead.Store(int64(time.Until(s.ExpiresAt) + 24*time.Hour))
	open.end()
}

func TestFiveEventSourcesOfASession(t *testing.T) {
	h := open(t)
	s, other := h.login("101"), h.login("101")
	elsewhere := h.listen(t, other.Token, "", "")
	elsewhere.next("state")
	var open []*stream
	for range 7 {
		one := h.listen(t, s.Token, "", "")
		one.next("state")
		open = append(open, one)
	}
	open[0].end()
	open[1].end()
	h.log("101", 1)
	for _, one := range append(open[2:], elsewhere) {
		one.next("state")
	}
}

func TestEventSourceRefusesBadQueries(t *testing.T) {
	h := open(t)
	s := h.login("101")
	for _, q := range []string{"closeafter=never", "ping=-1", "ping=soon"} {
		if a := h.do("GET", "/jmap/eventsource?"+q, s.Token, nil); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", q, a.StatusCode)
		}
	}
}
