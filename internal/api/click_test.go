package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"timbre/internal/api"
	"timbre/internal/office"
)

// call asks for a call with an Idempotency-Key; empty: without.
func (h *house) call(token, key, body string) answer {
	if key == "" {
		return h.do("POST", "/v1/calls", token, body)
	}
	return h.do("POST", "/v1/calls", token, body, "Idempotency-Key", key)
}

func TestAClickCallsOnce(t *testing.T) {
	h := open(t)
	s := h.login("101")
	body := `{"number":"55 1234-5678","ring":"others"}`
	first := into[api.Clicked](t, h.call(s.Token, "one", body), http.StatusCreated)
	again := into[api.Clicked](t, h.call(s.Token, "one", body), http.StatusCreated)
	if first.ID == "" || again != first {
		t.Errorf("%v, then %v", first, again)
	}
	want := click{h.account("101"), h.device(t, s, "101"), "5512345678", "others"}
	if all := h.clicks(); len(all) != 1 || all[0] != want {
		t.Fatalf("%+v, want one %+v", all, want)
	}
	if a := h.call(s.Token, "one", `{"number":"5512345679"}`); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("another call with the key of the first: %d %s", a.StatusCode, a.body)
	}
	if other := into[api.Clicked](t, h.call(s.Token, "two", body), http.StatusCreated); other == first {
		t.Error("another key, but the same call")
	}
	// Somebody else's key is another one.
	you := h.login("102")
	into[api.Clicked](t, h.call(you.Token, "one", `{"number":"101","ring":"all"}`), http.StatusCreated)
	if all := h.clicks(); len(all) != 3 || all[2].ring != "all" || all[2].account != h.account("102") {
		t.Errorf("%+v", all)
	}
	if a := into[api.Clicked](t, h.call(s.Token, "three", `{"number":"102"}`), http.StatusCreated); a.ID == "" || h.clicks()[3].ring != "others" {
		t.Errorf("%+v: want the others to ring unless it is said", h.clicks())
	}
}

func TestTheSameClickTwiceAtOnce(t *testing.T) {
	h := open(t)
	s := h.login("101")
	held := make(chan struct{})
	h.script(nil, held)
	answers := make([]answer, 5)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = h.call(s.Token, "same", `{"number":"102"}`) })
	}
	for len(h.clicks()) == 0 {
		h.do("GET", "/healthz", "", nil)
	}
	close(held)
	all.Wait()
	for _, a := range answers {
		if string(a.body) != string(answers[0].body) || a.StatusCode != http.StatusCreated {
			t.Errorf("%d %s, but %s", a.StatusCode, a.body, answers[0].body)
		}
	}
	if n := len(h.clicks()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestClicksThatAreRefused(t *testing.T) {
	h := open(t)
	s := h.login("101")
	for name, tt := range map[string]struct {
		key, body string
		status    int
	}{
		"without a key":          {"", `{"number":"102"}`, http.StatusBadRequest},
		"with a very long key":   {strings.Repeat("k", 200), `{"number":"102"}`, http.StatusUnprocessableEntity},
		"without a number":       {"a", `{}`, http.StatusUnprocessableEntity},
		"no number":              {"b", `{"number":"home"}`, http.StatusUnprocessableEntity},
		"a header in the number": {"c", `{"number":"102\r\nX: y"}`, http.StatusUnprocessableEntity},
		"unknown ring":           {"d", `{"number":"102","ring":"nobody"}`, http.StatusUnprocessableEntity},
	} {
		if a := h.call(s.Token, tt.key, tt.body); a.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.body, tt.status)
		}
	}
	if a := h.call("", "e", `{"number":"102"}`); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a session: %d", a.StatusCode)
	}
	if n := len(h.clicks()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestWhyAClickDoesNotCall(t *testing.T) {
	h := open(t)
	s := h.login("101")
	tests := []struct {
		err    office.Error
		status int
		again  bool // whether the same key tries again
	}{
		{office.ErrNumber, http.StatusUnprocessableEntity, false},
		{office.ErrNotAllowed, http.StatusForbidden, false},
		{office.ErrNoTrunk, http.StatusServiceUnavailable, false},
		{office.ErrNoDevice, http.StatusConflict, false},
		{office.ErrTooMany, http.StatusTooManyRequests, true},
		{office.ErrUnavailable, http.StatusServiceUnavailable, true},
	}
	for _, tt := range tests {
		h.script(fmt.Errorf("calling: %w", tt.err), nil)
		before := len(h.clicks())
		a := h.call(s.Token, string(tt.err), `{"number":"102"}`)
		var p struct{ Type string }
		if err := json.Unmarshal(a.body, &p); err != nil || a.StatusCode != tt.status || p.Type != office.ProblemType+string(tt.err) {
			t.Errorf("%s: %d %s", tt.err, a.StatusCode, a.body)
		}
		h.script(nil, nil)
		a = h.call(s.Token, string(tt.err), `{"number":"102"}`)
		if called := len(h.clicks()) - before; tt.again && (a.StatusCode != http.StatusCreated || called != 2) || !tt.again && (a.StatusCode != tt.status || called != 1) {
			t.Errorf("%s again: %d %s, asked %d times", tt.err, a.StatusCode, a.body, called)
		}
	}
}

func TestClicksHaveALimit(t *testing.T) {
	h := open(t)
	s, other := h.login("101"), h.login("102")
	for i := range 50 {
		a := h.call(s.Token, fmt.Sprint(i), `{"number":"102"}`)
		if a.StatusCode == http.StatusTooManyRequests {
			if a := h.call(s.Token, "0", `{"number":"102"}`); a.StatusCode != http.StatusCreated {
				t.Errorf("an answer known already: %d %s", a.StatusCode, a.body)
			}
			if a := h.call(other.Token, "0", `{"number":"101"}`); a.StatusCode != http.StatusCreated {
				t.Errorf("somebody else: %d %s", a.StatusCode, a.body)
			}
			return
		}
	}
	t.Error("fifty calls in a row")
}
