package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	h := open(t)
	s, other := h.login("101"), h.login("101")
	here, there := h.listen(t, s.Token, "", ""), h.listen(t, other.Token, "", "")
	here.next("state")
	there.next("state")
	if a := h.do("PUT", "/v1/password", s.Token, map[string]string{"current": "secret-101", "new": "another-secret"}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if took := there.end(); took > time.Second {
		t.Errorf("the other's event stream went on for %s", took)
	}
	if a := h.do("GET", "/.well-known/jmap", other.Token, nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the other session: %d", a.StatusCode)
	}
	h.log("101", 1)
	here.next("state")
	if a := h.do("GET", "/v1/sessions/current", s.Token, nil); a.StatusCode != http.StatusOK {
		t.Errorf("the own session: %d %s", a.StatusCode, a.body)
	}
	for password, want := range map[string]int{"secret-101": http.StatusUnauthorized, "another-secret": http.StatusCreated} {
		a := h.do("POST", "/v1/sessions", "", map[string]string{"companyNumber": string(company), "extension": "101", "password": password})
		if a.StatusCode != want {
			t.Errorf("login with %s: %d, want %d", password, a.StatusCode, want)
		}
	}
}

func TestAPINIsSetByWhoKnowsThePassword(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), h.account("101")
	if a := h.do("PUT", "/v1/pin", s.Token, map[string]string{"password": "secret-101", "pin": "271828"}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if hash, err := h.store.PINHash(context.Background(), me); err != nil || hash == "" || strings.Contains(hash, "271828") {
		t.Errorf("%q, %v", hash, err)
	}
	if got, _ := h.get(t, s.Token, "VoicemailSettings", jmap.ID(me)); !strings.Contains(got, `"hasPin":true`) || strings.Contains(got, "argon") {
		t.Errorf("%s", got)
	}
	if a := h.do("PUT", "/v1/pin", s.Token, map[string]string{"password": "secret-101", "pin": ""}); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if got, _ := h.get(t, s.Token, "VoicemailSettings", jmap.ID(me)); !strings.Contains(got, `"hasPin":false`) {
		t.Errorf("%s", got)
	}
}

func TestPasswordAndPINAreRefusedInWords(t *testing.T) {
	h := open(t)
	s := h.login("101")
	const secret = "very-private-words"
	tests := []struct {
		name, path, body string
		status           int
		code             office.Error
	}{
		{"wrong password", "/v1/password", `{"current":"` + secret + `","new":"` + secret + `"}`, http.StatusForbidden, office.ErrLogin},
		{"new password too short", "/v1/password", `{"current":"secret-101","new":"short"}`, http.StatusUnprocessableEntity, office.ErrPassword},
		{"wrong password for a PIN", "/v1/pin", `{"password":"` + secret + `","pin":"271828"}`, http.StatusForbidden, office.ErrLogin},
		{"trivial PIN", "/v1/pin", `{"password":"secret-101","pin":"1234"}`, http.StatusUnprocessableEntity, office.ErrPIN},
		{"PIN of letters", "/v1/pin", `{"password":"secret-101","pin":"abcd"}`, http.StatusUnprocessableEntity, office.ErrPIN},
		{"unknown field", "/v1/password", `{"current":"` + secret + `","new":"x","extra":"` + secret + `"}`, http.StatusUnprocessableEntity, ""},
		{"missing field", "/v1/password", `{"current":"` + secret + `"}`, http.StatusUnprocessableEntity, ""},
		{"a number", "/v1/pin", `{"password":"` + secret + `","pin":271828}`, http.StatusUnprocessableEntity, ""},
		{"a very long PIN", "/v1/pin", `{"password":"x","pin":"` + strings.Repeat("271828", 100) + `"}`, http.StatusUnprocessableEntity, ""},
		{"not JSON", "/v1/pin", secret, http.StatusBadRequest, ""},
	}
	for _, tt := range tests {
		a := h.do("PUT", tt.path, s.Token, tt.body)
		if a.StatusCode != tt.status || tt.code != "" && !strings.Contains(string(a.body), office.ProblemType+string(tt.code)) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, a.StatusCode, a.body, tt.status, tt.code)
		}
		if strings.Contains(string(a.body), secret) || strings.Contains(string(a.body), "271828") {
			t.Errorf("%s: the secret came back: %s", tt.name, a.body)
		}
	}
	for _, path := range []string{"/v1/password", "/v1/pin"} {
		if a := h.do("PUT", path, "", `{"current":"x","new":"x","password":"x","pin":"x"}`); a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s without a session: %d", path, a.StatusCode)
		}
	}
}

func TestWhoGuessesAtThePasswordWaits(t *testing.T) {
	h := open(t)
	s := h.login("101")
	for range 50 {
		a := h.do("PUT", "/v1/pin", s.Token, map[string]string{"password": "guess-guess", "pin": "271828"})
		if a.StatusCode == http.StatusTooManyRequests {
			if a.Header.Get("Retry-After") == "" {
				t.Errorf("%v", a.Header)
			}
			return
		}
	}
	t.Error("fifty guesses were looked at")
}
