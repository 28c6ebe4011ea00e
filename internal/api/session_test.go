package api_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
)

func TestLoginHandsOutSessionAndPhone(t *testing.T) {
	h := open(t)
	s := h.login("101")
	account := h.account("101")
	if s.Token == "" || s.Session.PrimaryAccounts[office.Capability] != "" && string(s.Session.PrimaryAccounts[office.Capability]) != string(account) {
		t.Fatalf("%+v", s)
	}
	if s.SIP.Username == "" || s.SIP.Password == "" || s.SIP.Domain != "office.test" || len(s.SIP.URIs) != 1 || s.SIP.URIs[0] != "sips:127.0.0.1:5061" {
		t.Fatalf("%+v: want the host by which the client came", s.SIP)
	}
	current := into[api.SessionReply](t, h.do("GET", "/v1/sessions/current", s.Token, nil), http.StatusOK)
	if current.Token != "" || current.SIP.Password != s.SIP.Password || current.Session.State != s.Session.State {
		t.Fatalf("%+v, want the same without the token", current)
	}
	rotated := into[struct{ SIP office.SIPAccount }](t, h.do("POST", "/v1/sessions/current/sip", s.Token, nil), http.StatusOK)
	if rotated.SIP.Username != s.SIP.Username || rotated.SIP.Password == s.SIP.Password || rotated.SIP.Password == "" {
		t.Fatalf("%+v", rotated)
	}
}

func TestSessionsOfAnAccount(t *testing.T) {
	h := open(t)
	first, second, other := h.login("101"), h.login("101"), h.login("102")
	type lines struct{ Sessions []api.SessionLine }
	list := into[lines](t, h.do("GET", "/v1/sessions", first.Token, nil), http.StatusOK)
	if len(list.Sessions) != 2 {
		t.Fatalf("%+v, want two", list)
	}
	var rest api.SessionLine
	for _, l := range list.Sessions {
		if !l.IsCurrent {
			rest = l
		}
		if l.DeviceName != "laptop" || l.Address != "127.0.0.1" {
			t.Errorf("%+v", l)
		}
	}
	foreign := into[lines](t, h.do("GET", "/v1/sessions", other.Token, nil), http.StatusOK).Sessions[0]
	if a := h.do("DELETE", "/v1/sessions/"+string(foreign.ID), first.Token, nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("ending a foreign session: %d, want 404", a.StatusCode)
	}
	if a := h.do("DELETE", "/v1/sessions/"+string(rest.ID), first.Token, nil); a.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for token, want := range map[string]int{first.Token: 200, second.Token: 401, other.Token: 200} {
		if a := h.do("GET", "/v1/sessions/current", token, nil); a.StatusCode != want {
			t.Errorf("%d, want %d", a.StatusCode, want)
		}
	}
	if a := h.do("DELETE", "/v1/sessions/current", first.Token, nil); a.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := h.do("GET", "/.well-known/jmap", first.Token, nil); a.StatusCode != http.StatusUnauthorized || a.Header.Get("Www-Authenticate") == "" {
		t.Errorf("after logout: %d %v", a.StatusCode, a.Header)
	}
	devices, err := h.store.Devices(context.Background(), "101")
	if err != nil || len(devices) != 0 {
		t.Errorf("%v, %v: the phones of ended sessions are still there", devices, err)
	}
}

// The list says when each was used last, which puts its end off.
func TestSessionsAreUsedAndExpire(t *testing.T) {
	h := open(t)
	first, idle := h.login("101"), h.login("101")
	type lines struct{ Sessions []api.SessionLine }
	began := h.now()
	h.ahead.Add(int64(24 * time.Hour))
	all := into[lines](t, h.do("GET", "/v1/sessions", first.Token, nil), http.StatusOK).Sessions
	if len(all) != 2 || !all[0].IsCurrent || all[1].IsCurrent {
		t.Fatalf("%+v: want the last used first", all)
	}
	now, unused := all[0], all[1]
	if now.LastUsedAt.Sub(began) < 23*time.Hour || now.ExpiresAt.Sub(unused.ExpiresAt) < 23*time.Hour ||
		unused.LastUsedAt.Sub(began) > time.Hour || now.CreatedAt.Sub(began) > time.Hour {
		t.Errorf("%+v and %+v after a day", now, unused)
	}
	h.ahead.Add(int64(unused.ExpiresAt.Sub(h.now())))
	for token, want := range map[string]int{first.Token: 200, idle.Token: 401} {
		for _, path := range []string{"/v1/sessions/current", "/.well-known/jmap", "/jmap/eventsource?types=Call&closeafter=state&ping=0"} {
			if strings.Contains(path, "event") && want == 200 {
				continue
			}
			if a := h.do("GET", path, token, nil); a.StatusCode != want {
				t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
			}
		}
	}
}

// Who guesses at somebody's password from elsewhere is made to wait, and nobody
// else: neither the sessions there are nor a new login from where there is one.
func TestAGuesserLocksNobodyOut(t *testing.T) {
	h := open(t)
	s := h.login("101")
	elsewhere := *h.client
	elsewhere.Transport = &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext:     (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}
	defer elsewhere.CloseIdleConnections()
	guess := &house{t: t, url: h.url, client: &elsewhere}
	login := func(h *house, ext office.Number, password string) answer {
		return h.do("POST", "/v1/sessions", "", map[string]string{"companyNumber": string(company), "extension": string(ext), "password": password})
	}
	waits := 0
	for range 40 {
		if a := login(guess, "101", "guess-guess"); a.StatusCode == http.StatusTooManyRequests {
			waits++
		}
	}
	if a := login(guess, "101", "secret-101"); waits < 30 || a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d of 40 guesses had to wait; then %d", waits, a.StatusCode)
	}
	if a := h.do("GET", "/v1/sessions/current", s.Token, nil); a.StatusCode != http.StatusOK {
		t.Errorf("the session: %d", a.StatusCode)
	}
	if a := login(h, "101", "secret-101"); a.StatusCode != http.StatusCreated {
		t.Errorf("another login from home: %d %s", a.StatusCode, a.body)
	}
	if a := h.do("PUT", "/v1/pin", s.Token, map[string]string{"password": "secret-101", "pin": "4711"}); a.StatusCode != http.StatusNoContent {
		t.Errorf("the password within the session: %d %s", a.StatusCode, a.body)
	}
	// Nor are the others of an office who have never been in from there.
	if a := login(h, "102", "secret-102"); a.StatusCode != http.StatusCreated {
		t.Errorf("somebody else: %d %s", a.StatusCode, a.body)
	}
}

func TestWrongLoginTellsNothing(t *testing.T) {
	h := open(t)
	wrong := map[string]map[string]string{
		"company":          {"companyNumber": "+525555550199", "extension": "101", "password": "secret-101"},
		"no number at all": {"companyNumber": "Ejemplo", "extension": "101", "password": "secret-101"},
		"extension":        {"companyNumber": string(company), "extension": "109", "password": "secret-101"},
		"odd extension":    {"companyNumber": string(company), "extension": "1' OR 1=1", "password": "secret-101"},
		"password":         {"companyNumber": string(company), "extension": "102", "password": "secret-101"},
		"long password":    {"companyNumber": string(company), "extension": "102", "password": strings.Repeat("x", 200)},
	}
	for name, body := range wrong {
		a := h.do("POST", "/v1/sessions", "", body)
		if a.StatusCode != http.StatusUnauthorized || !strings.Contains(string(a.body), string(office.ErrLogin)) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		if a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, a.Header)
		}
	}
}

func TestManyWrongLoginsMustWait(t *testing.T) {
	h := open(t)
	for range 50 {
		a := h.do("POST", "/v1/sessions", "", map[string]string{"companyNumber": string(company), "extension": "101", "password": "guess-guess"})
		if a.StatusCode == http.StatusTooManyRequests {
			if a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), string(office.ErrTooMany)) {
				t.Errorf("%v %s", a.Header, a.body)
			}
			return
		}
	}
	t.Error("fifty guesses were looked at")
}

func TestNoRequestIsEchoed(t *testing.T) {
	h := open(t)
	const secret = "hunter2-hunter2"
	bodies := map[string]string{
		"wrong type":     `{"companyNumber":"1","extension":"101","password":["` + secret + `"]}`,
		"missing field":  `{"password":"` + secret + `"}`,
		"unknown field":  `{"companyNumber":"1","extension":"101","password":"x","extra":"` + secret + `"}`,
		"too long":       `{"companyNumber":"1","extension":"101","password":"` + strings.Repeat(secret, 100) + `"}`,
		"not JSON":       secret,
		"truncated JSON": `{"password":"` + secret,
		"an array":       `["` + secret + `"]`,
	}
	for name, body := range bodies {
		a := h.do("POST", "/v1/sessions", "", body)
		if a.StatusCode < 400 || a.StatusCode >= 500 {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
		if strings.Contains(string(a.body), secret) {
			t.Errorf("%s: the password came back: %s", name, a.body)
		}
	}
	if a := h.do("POST", "/v1/sessions", "", strings.Repeat(" ", 1<<20)); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 1 MB: %d, want 413", a.StatusCode)
	}
}

func TestTokenOnlyInTheHeader(t *testing.T) {
	h := open(t)
	s := h.login("101")
	for name, a := range map[string]answer{
		"none":     h.do("GET", "/.well-known/jmap", "", nil),
		"unknown":  h.do("GET", "/.well-known/jmap", strings.Repeat("A", 43), nil),
		"long":     h.do("GET", "/.well-known/jmap", strings.Repeat("A", 4000), nil),
		"in query": h.do("GET", "/.well-known/jmap?access_token="+s.Token, "", nil),
		"Basic":    h.do("GET", "/.well-known/jmap", "", nil, "Authorization", "Basic "+s.Token),
		"cookie":   h.do("GET", "/.well-known/jmap", "", nil, "Cookie", "token="+s.Token),
	} {
		if a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", name, a.StatusCode)
		}
	}
	if a := h.do("GET", "/.well-known/jmap", "", nil, "Authorization", "bearer "+s.Token); a.StatusCode != http.StatusOK {
		t.Errorf("the scheme's case counts: %d", a.StatusCode)
	}
}

func TestPublicSideIsNoAdministration(t *testing.T) {
	h := open(t)
	s := h.login("101")
	for path, want := range map[string]int{
		"/v1/admin/status": http.StatusUnauthorized, "/v1/admin/extensions": http.StatusUnauthorized, "/v1/admin/backup": http.StatusUnauthorized,
		"/v1/admin/nothing": http.StatusUnauthorized, "/metrics": http.StatusUnauthorized, "/debug/pprof/": http.StatusNotFound,
	} {
		if a := h.do("GET", path, s.Token, nil); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
}

func TestWrongMethods(t *testing.T) {
	h := open(t)
	for _, r := range [][2]string{{"GET", "/jmap/api"}, {"POST", "/jmap/eventsource"}, {"DELETE", "/.well-known/jmap"}, {"PUT", "/v1/sessions"}} {
		if a := h.do(r[0], r[1], "", nil); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%v: %d, want 405", r, a.StatusCode)
		}
	}
}

func TestHealthAndDescription(t *testing.T) {
	h := open(t)
	if a := h.do("GET", "/healthz", "", nil); a.StatusCode != http.StatusOK || a.ProtoMajor != 2 {
		t.Errorf("healthz %d over %s", a.StatusCode, a.Proto)
	}
	if a := h.do("GET", "/readyz", "", nil); a.StatusCode != http.StatusOK {
		t.Errorf("readyz %d", a.StatusCode)
	}
	h.ready.Store(false)
	if a := h.do("GET", "/readyz", "", nil); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz of a part that does not serve: %d", a.StatusCode)
	}
	type description struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	d := into[description](t, h.do("GET", "/openapi.json", "", nil), http.StatusOK)
	if d.OpenAPI != "3.1.0" || d.Paths["/v1/sessions"]["post"] == nil || d.Paths["/v1/sessions/{id}"]["delete"] == nil {
		t.Errorf("%+v", d)
	}
	for path, method := range map[string]string{"/v1/password": "put", "/v1/pin": "put", "/v1/calls": "post"} {
		if d.Paths[path][method] == nil {
			t.Errorf("%s %s is not described", method, path)
		}
	}
	if call, err := json.Marshal(d.Paths["/v1/calls"]); err != nil || !strings.Contains(string(call), `"name":"Idempotency-Key","required":true`) {
		t.Errorf("%s: the key is needed", call)
	}
	if d.Paths["/v1/admin/status"] != nil {
		t.Error("the public description shows the administration")
	}
}
