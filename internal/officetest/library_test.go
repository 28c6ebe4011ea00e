package officetest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	gojmap "git.sr.ht/~rockorager/go-jmap"

	"timbre/internal/office"
	"timbre/internal/officetest"
)

// A jmapVisit is what a developer writes around the library.
type jmapVisit struct {
	t       *testing.T
	ctx     context.Context
	o       *officetest.Office
	client  *gojmap.Client
	account gojmap.ID
}

// enter logs extension n in and fetches the session object. The library wants a
// client of HTTP that authenticates; here it trusts the office's own authority too.
func (v *jmapVisit) enter(n office.Number) {
	v.t.Helper()
	authority, err := os.ReadFile(filepath.Join(v.o.Data, "tls", "ca.pem"))
	if err != nil {
		v.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	way := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	v.t.Cleanup(way.CloseIdleConnections)
	login, err := json.Marshal(map[string]string{
		"companyNumber": string(officetest.Company), "extension": string(n), "password": v.o.Person(n).Password, "deviceName": "library",
	})
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := (&http.Client{Transport: way, Timeout: 10 * time.Second}).Post(v.o.Ready.HTTPS+"/v1/sessions", "application/json", bytes.NewReader(login))
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	var session struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&session); err != nil || res.StatusCode != http.StatusCreated {
		v.t.Fatalf("login: %d, %v", res.StatusCode, err)
	}
	v.client = &gojmap.Client{
		SessionEndpoint: v.o.Ready.HTTPS + "/.well-known/jmap",
		HttpClient:      &http.Client{Transport: bearer{session.Token, way}},
	}
	if err := v.client.Authenticate(); err != nil {
		v.t.Fatal(err)
	}
	v.account = v.client.Session.PrimaryAccounts[office.Capability]
}

// A bearer shows its token with every request.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// A method is one of the office, with its arguments.
type method struct {
	name string
	args map[string]any
}

func (m method) Name() string                 { return m.name }
func (m method) Requires() []gojmap.URI       { return []gojmap.URI{office.Capability} }
func (m method) MarshalJSON() ([]byte, error) { return json.Marshal(m.args) }

// What the standard methods answer (RFC 8620 §5).
type (
	got struct {
		State    string
		List     []json.RawMessage
		NotFound []gojmap.ID
	}
	changed struct {
		OldState, NewState          string
		HasMoreChanges              bool
		Created, Updated, Destroyed []gojmap.ID
	}
	found struct {
		QueryState string
		Position   int
		IDs        []gojmap.ID `json:"ids"`
		Total      *int
	}
	done struct {
		OldState, NewState     string
		Created, Updated       map[gojmap.ID]map[string]any
		Destroyed              []gojmap.ID
		NotCreated, NotUpdated map[gojmap.ID]gojmap.SetError
	}
)

func answered[T any]() gojmap.MethodResponse { return new(T) }

// call sends methods in one request and returns their answers.
func (v *jmapVisit) call(methods ...gojmap.Method) []any {
	v.t.Helper()
	r := &gojmap.Request{Context: v.ctx}
	for _, m := range methods {
		if m, ok := m.(method); ok {
			m.args["accountId"] = v.account
		}
		r.Invoke(m)
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	if len(res.Responses) != len(methods) || res.SessionState != v.client.Session.State {
		v.t.Fatalf("%d answers in session %s", len(res.Responses), res.SessionState)
	}
	var answers []any
	for _, a := range res.Responses {
		answers = append(answers, a.Args)
	}
	return answers
}

// one sends one method and returns its answer, which must be a T.
func one[T any](v *jmapVisit, name string, args map[string]any) T {
	v.t.Helper()
	return as[T](v, v.call(method{name, args})[0])
}

func as[T any](v *jmapVisit, answer any) T {
	v.t.Helper()
	a, ok := answer.(*T)
	if !ok {
		v.t.Fatalf("%T %v, want %T", answer, answer, a)
	}
	return *a
}

// object reads one object of a list.
func object[T any](v *jmapVisit, list []json.RawMessage) (o T) {
	v.t.Helper()
	if len(list) != 1 {
		v.t.Fatalf("%d objects: %s", len(list), list)
	}
	if err := json.Unmarshal(list[0], &o); err != nil {
		v.t.Fatal(err)
	}
	return o
}
