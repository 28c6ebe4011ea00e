package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// Whatever a server allows in one request, all parts are asked and answered once,
// in their order.
func TestPartsAreSplitByTheServersLimit(t *testing.T) {
	for most, want := range map[int]string{1: "a|bbb|c|dd", 3: "a|bbb|cdd", 4: "abbb|cdd", 32: "abbbcdd"} {
		var sent []string
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var request jmap.Request
			if json.NewDecoder(r.Body).Decode(&request) != nil {
				t.Error("no request")
			}
			names := ""
			answer := jmap.Response{SessionState: "s"}
			for _, c := range request.Calls {
				names += c.Name
				answer.Answers = append(answer.Answers, jmap.Invocation{Name: c.Name, Args: json.RawMessage("{}"), CallID: c.CallID})
			}
			sent = append(sent, names)
			json.NewEncoder(w).Encode(answer)
		}))
		e := profileWith(t)
		l, err := e.current()
		check(t, err)
		core, err := json.Marshal(jmap.Limits{MaxCallsInRequest: most})
		check(t, err)
		l.session = jmap.Session{APIURL: "/api", State: "s", Capabilities: map[string]json.RawMessage{jmap.Core: core}}
		c, err := newClient(server.URL, "", "token")
		check(t, err)
		c.http = server.Client()
		x := newExchange(e, l, c)
		var parts []part
		taken := ""
		for _, calls := range []string{"a", "bbb", "c", "dd"} {
			ids := make([]string, len(calls))
			parts = append(parts, part{
				add: func(r *jmap.Request) {
					for i := range ids {
						ids[i] = r.Call(calls[i:i+1], struct{}{})
					}
				},
				take: func(_ context.Context, response *jmap.Response) (bool, error) {
					for _, id := range ids {
						check(t, response.Find(id, &struct{}{}))
					}
					taken += calls
					return false, nil
				},
			})
		}
		if _, err := x.send(context.Background(), parts); err != nil || taken != "abbbcdd" {
			t.Errorf("%d: taken %q, %v", most, taken, err)
		}
		if got := strings.Join(sent, "|"); got != want {
			t.Errorf("%d: sent %s", most, got)
		}
		server.Close()
	}
}

// A type that the server does not know is left out from then on, until the server
// is another one; nothing else suffers.
func TestTypesThatTheServerDoesNotOffer(t *testing.T) {
	e := profileWith(t, "v1")
	l, err := e.current()
	check(t, err)
	x := newExchange(e, l, nil)
	response := &jmap.Response{Answers: []jmap.Invocation{
		{Name: "error", Args: json.RawMessage(`{"type":"unknownMethod"}`), CallID: "0"},
		{Name: "Profile/get", Args: json.RawMessage(`{"state":"7","list":[{"id":"singleton","name":"Ana"}]}`), CallID: "1"},
	}}
	r := &jmap.Request{}
	parts := []part{x.setting(local.AvailabilityType), x.setting(local.ProfileType)}
	for _, p := range parts {
		p.add(r)
	}
	_, err = x.take(context.Background(), parts, response)
	check(t, err)
	if !l.lacks(local.AvailabilityType) || l.lacks(local.ProfileType) {
		t.Errorf("lacking %v", l.lacking)
	}
	if p, _, err := e.Profile(context.Background()); err != nil || p.Name != "Ana" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestRetryAfter(t *testing.T) {
	for after, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-3": 0, "86400": maxDelay, "soon": 0,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): maxDelay, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0,
	} {
		err := refusal(&http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(""))})
		var asked *delayed
		got := time.Duration(0)
		if errors.As(err, &asked) {
			got = asked.after
		}
		if got != want || !errors.Is(err, office.ErrTooMany) {
			t.Errorf("%q: %v, %v", after, got, err)
		}
	}
}

// A server that is beside itself is not asked for ever.
func TestServersThatNeverAgree(t *testing.T) {
	ctx := context.Background()
	e := profileWith(t)
	l, err := e.current()
	check(t, err)
	check(t, l.mirror.Replace(ctx, local.ProfileType, "1", []json.RawMessage{json.RawMessage(`{"email":""}`)}))
	check(t, l.mirror.Change(ctx, local.ProfileType, map[string]any{"email": "a@example.com"}, e.now()))
	var response jmap.Response
	check(t, json.Unmarshal([]byte(`{"methodResponses":[["error",{"type":"stateMismatch"},"0"],["error",{"type":"cannotCalculateChanges"},"1"]]}`), &response))
	x := newExchange(e, l, nil)
	for i := range maxRaces + 2 {
		edits, err := l.mirror.TakeEdits(ctx, e.now(), maxEdits)
		check(t, err)
		if settled, err := x.settle(ctx, &response, "0", edits); err != nil || (settled > 0) != (i < maxRaces) {
			t.Errorf("after %d mismatches: %d settled, %v", i, settled, err)
		}
	}
	for i := range maxAnew + 2 {
		p := &pulling{x: x, t: local.CallType}
		_, err := p.takeChanges(ctx, &response, "1", "1", "1")
		if !isMethodError(err, jmap.CannotCalculateChanges) {
			t.Fatal(err)
		}
		if err := p.again(ctx); errors.Is(err, office.ErrUnavailable) != (i >= maxAnew) {
			t.Errorf("anew for the %d. time: %v", i+1, err)
		}
	}
}

// A server that leads in a circle is found out, whatever it sends on the way.
func TestServersThatLeadInACircle(t *testing.T) {
	e := profileWith(t)
	l, err := e.current()
	check(t, err)
	change := func(x *exchange, since, state, created string) error {
		response := &jmap.Response{Answers: []jmap.Invocation{
			{Name: "Call/changes", Args: json.RawMessage(`{"newState":"` + state + `","hasMoreChanges":true}`), CallID: "0"},
			{Name: "Call/get", Args: json.RawMessage(`{"list":[` + created + `]}`), CallID: "1"},
		}}
		_, err := (&pulling{x: x, t: local.CallType, since: since}).takeChanges(context.Background(), response, "0", "1", "1")
		return err
	}
	const object = `{"id":"c1","kind":"missed","startedAt":"2026-03-01T12:00:00Z"}`
	for name, c := range map[string]struct {
		states  int // that alternate
		created string
		most    int // rounds
	}{
		"two states":         {2, object, 8},
		"five states":        {5, object, 20},
		"nothing in between": {1000, "", maxIdle + 1},
	} {
		check(t, l.mirror.Replace(context.Background(), local.CallType, "s0", nil))
		x := newExchange(e, l, nil)
		for i := 0; ; i++ {
			err := change(x, fmt.Sprint("s", i%c.states), fmt.Sprint("s", (i+1)%c.states), c.created)
			if errors.Is(err, office.ErrUnavailable) {
				break
			}
			if check(t, err); i > c.most {
				t.Fatalf("%s: it goes on and on", name)
			}
		}
	}
	for pages, most := range map[int]int{1: 2, 2: 6, 7: 24} {
		_, err := l.mirror.AgainRead(context.Background(), local.CallType)
		check(t, err)
		x := newExchange(e, l, nil)
		for i := 0; ; i++ {
			p, _, err := x.pulling(context.Background(), local.CallType)
			check(t, err)
			g := &page{p: p, first: jmap.GetResponse{State: "s0"}, last: office.ID(fmt.Sprint("c", i%pages))}
			if err = g.keep(context.Background()); errors.Is(err, office.ErrUnavailable) {
				break
			}
			if check(t, err); i > most {
				t.Fatalf("%d pages are read again and again", pages)
			}
		}
	}
}

// Where the server takes less than it says, requests become smaller, until there
// is nothing left to take away.
func TestRequestsThatAreTooLarge(t *testing.T) {
	e := profileWith(t)
	l, err := e.current()
	check(t, err)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}))
	defer server.Close()
	c, err := newClient(server.URL, "", "t")
	check(t, err)
	c.http = server.Client()
	defer c.close()
	x := newExchange(e, l, c)
	before := limitsOf(l)
	if _, err := x.ask(context.Background(), &jmap.Request{}); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
	if now := limitsOf(l); now.MaxObjectsInGet != before.MaxObjectsInGet/2 || now.MaxObjectsInSet != before.MaxObjectsInSet/2 {
		t.Errorf("limits %+v", now)
	}
	if err := x.run(context.Background()); !errors.Is(err, office.ErrUnavailable) {
		t.Errorf("at the end: %v", err)
	}
	if now := limitsOf(l); now.MaxObjectsInGet < 1 || now.MaxCallsInRequest < 1 {
		t.Errorf("limits %+v", now)
	}
}

// What an answer means that is not the office's own.
func TestAnswersFromBetween(t *testing.T) {
	e := profileWith(t)
	l, err := e.current()
	check(t, err)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/nothing" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	c, err := newClient(server.URL, "", "t")
	check(t, err)
	c.http = server.Client()
	defer c.close()
	if err := e.refresh(context.Background(), l, c); !errors.Is(err, office.ErrUnavailable) || errors.Is(err, office.ErrSession) {
		t.Errorf("a session without anything: %v", err)
	}
	if err := c.exchange(context.Background(), http.MethodPost, "/nothing", nil, nil); !errors.Is(err, office.ErrUnavailable) || errors.Is(err, office.ErrNotFound) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := c.send(context.Background(), http.MethodGet, "/nothing", nil); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("nothing to download: %v", err)
	}
}

// What a server asks for is waited for, and then the usual time.
func TestPauseAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{}
		begun := time.Now()
		<-e.pause(t.Context(), &delayed{office.ErrTooMany, time.Minute}, 0)
		if d := time.Since(begun); d < time.Minute || d > time.Minute+firstBackoff {
			t.Errorf("it waited %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if e.pause(ctx, &delayed{office.ErrTooMany, time.Minute}, 0) != nil {
			t.Error("it goes on after the end")
		}
	})
}

// What the answer to Fax/set means, also where it is the second one.
func TestFaxesAreMadeOnce(t *testing.T) {
	for name, c := range map[string]struct {
		answer           string
		pending, refused int
	}{
		"made":            {`"created":{"REF":{"id":"f1"}}`, 0, 0},
		"there already":   {`"notCreated":{"REF":{"type":"alreadyExists","existingId":"f1"}}`, 0, 0},
		"upload is gone":  {`"notCreated":{"REF":{"type":"invalidProperties","properties":["blobId"]}}`, 1, 0},
		"number is wrong": {`"notCreated":{"REF":{"type":"invalidProperties","properties":["number"]}}`, 0, 1},
		"too many":        {`"notCreated":{"REF":{"type":"rateLimit"}}`, 1, 0},
		"made, no id":     {`"created":{"REF":null}`, 1, 0},
	} {
		ctx := context.Background()
		e := profileWith(t)
		l, err := e.current()
		check(t, err)
		check(t, l.mirror.Unlock(make([]byte, local.KeySize)))
		ref, err := l.mirror.SendFax(ctx, "102", strings.NewReader("%PDF-1.4 of one page"), e.now())
		check(t, err)
		edits, err := l.mirror.TakeEdits(ctx, e.now(), maxEdits)
		check(t, err)
		check(t, l.mirror.Uploaded(ctx, edits[0], "b1"))
		edits, err = l.mirror.TakeEdits(ctx, e.now(), maxEdits)
		check(t, err)
		args := setArgs("a1", edits)
		if got := string(args.Create[jmap.ID(ref)]); !strings.Contains(got, `"blobId":"b1"`) || !strings.Contains(got, string(ref)) {
			t.Errorf("%s: sent %s", name, got)
		}
		text := `{"methodResponses":[["Fax/set",{` + strings.ReplaceAll(c.answer, "REF", string(ref)) + `},"0"]]}`
		var response jmap.Response
		check(t, json.Unmarshal([]byte(text), &response))
		x := newExchange(e, l, nil)
		_, err = x.settle(ctx, &response, "0", edits)
		check(t, err)
		refused, err := e.Refused(ctx)
		check(t, err)
		if n := e.Status().Pending; n != c.pending || len(refused) != c.refused {
			t.Errorf("%s: %d pending, refused %+v", name, n, refused)
		}
		f, err := e.Fax(ctx, ref)
		if name == "there already" { // or deleted by another device: the pull in the same answer tells
			if !errors.Is(err, office.ErrNotFound) {
				t.Errorf("%s: %+v, %v", name, f, err)
			}
			continue
		}
		if err != nil || c.pending+c.refused == 0 && f.ID != "f1" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// A quality that comes before its call is sent again, but not for ever.
func TestQualityBeforeItsCall(t *testing.T) {
	ctx := context.Background()
	e := profileWith(t)
	l, err := e.current()
	check(t, err)
	l.device = "d1"
	check(t, e.AddQuality(ctx, "c1", office.Quality{Codec: "opus"}))
	var response jmap.Response
	check(t, json.Unmarshal([]byte(`{"methodResponses":[["Call/set",{"notUpdated":{"c1":{"type":"notFound"}}},"0"]]}`), &response))
	x := newExchange(e, l, nil)
	for i := range maxEarly {
		if n := e.Status().Pending; n != 1 {
			t.Fatalf("%d pending after %d answers", n, i)
		}
		edits, err := l.mirror.TakeEdits(ctx, e.now().Add(local.Hold), maxEdits)
		check(t, err)
		_, err = x.settle(ctx, &response, "0", edits)
		check(t, err)
	}
	if refused, err := e.Refused(ctx); err != nil || len(refused) != 0 || e.Status().Pending != 0 {
		t.Errorf("refused %+v, %v; %d pending", refused, err, e.Status().Pending)
	}
}
