package officetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// A visitor is a client of an office over HTTPS that keeps nothing: what it
// measures is the server. It is used by one goroutine.
type visitor struct {
	base    string
	http    *http.Client
	token   string
	account jmap.ID
}

// visitor returns one who has not logged in, and comes from an address of the
// loopback interface; nil: whichever.
func (o *Office) visitor(from net.IP) *visitor {
	dialer := &net.Dialer{}
	if from != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: from}
	}
	return &visitor{base: o.Ready.HTTPS, http: &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: o.Ready.Fingerprint.ClientTLS(), ForceAttemptHTTP2: true,
	}}}
}

// close gives up the connection.
func (v *visitor) close() { v.http.CloseIdleConnections() }

// open begins a request and returns its answer, whose body the caller closes.
func (v *visitor) open(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, v.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", jmap.RequestType)
	r.Header.Set("Accept-Encoding", "gzip") // said here, it is not unpacked unasked
	if v.token != "" {
		r.Header.Set("Authorization", "Bearer "+v.token)
	}
	return v.http.Do(r)
}

// A reply is an answer as it came over the wire.
type reply struct {
	status int
	packed bool
	body   []byte
	took   time.Duration // until all of it was there
}

// send makes a request and reads the answer, whatever its status.
func (v *visitor) send(ctx context.Context, method, path string, body []byte) (r reply, err error) {
	began := time.Now()
	res, err := v.open(ctx, method, path, body)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	r.body, err = io.ReadAll(res.Body)
	r.status, r.packed, r.took = res.StatusCode, res.Header.Get("Content-Encoding") == "gzip", time.Since(began)
	return r, err
}

// read reads the JSON of a reply of status 2xx into a value.
func (r reply) read(into any) error {
	if r.status/100 != 2 {
		return fmt.Errorf("status %d: %.200s", r.status, r.body)
	}
	body := r.body
	if r.packed {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return err
		}
		if body, err = io.ReadAll(z); err != nil {
			return err
		}
	}
	return json.Unmarshal(body, into)
}

// login tries a password and returns the answer, whatever it is.
func (v *visitor) login(ctx context.Context, n office.Number, password string) (reply, error) {
	body, err := json.Marshal(map[string]any{"companyNumber": Company, "extension": n, "password": password, "deviceName": "visitor"})
	if err != nil {
		return reply{}, err
	}
	return v.send(ctx, http.MethodPost, "/v1/sessions", body)
}

// enter logs in and returns how long that took.
func (v *visitor) enter(ctx context.Context, n office.Number, password string) (time.Duration, error) {
	r, err := v.login(ctx, n, password)
	if err != nil {
		return 0, err
	}
	var got struct {
		Token   string       `json:"token"`
		Session jmap.Session `json:"session"`
	}
	if err := r.read(&got); err != nil {
		return 0, fmt.Errorf("logging %s in: %w", n, err)
	}
	v.token, v.account = got.Token, got.Session.PrimaryAccounts[office.Capability]
	return r.took, nil
}

// ask sends one JMAP request.
func (v *visitor) ask(ctx context.Context, r *jmap.Request) (reply, error) {
	r.Using = []string{jmap.Core, office.Capability}
	body, err := json.Marshal(r)
	if err != nil {
		return reply{}, err
	}
	return v.send(ctx, http.MethodPost, "/jmap/api", body)
}

// states returns the state of each list.
func (v *visitor) states(ctx context.Context) (map[local.Type]string, error) {
	var request jmap.Request
	for _, t := range local.Lists {
		request.Call(string(t)+"/get", jmap.GetArgs{AccountID: v.account, IDs: []jmap.ID{}})
	}
	var response jmap.Response
	r, err := v.ask(ctx, &request)
	if err == nil {
		err = r.read(&response)
	}
	if err != nil {
		return nil, err
	}
	states := map[local.Type]string{}
	for i, t := range local.Lists {
		var got jmap.GetResponse
		if response.Find(strconv.Itoa(i), &got) == nil { // else the office does not have the type yet
			states[t] = got.State
		}
	}
	return states, nil
}

// round returns the request of one sync, as the app makes it: what changed of
// each list, with the objects, and all settings.
func (v *visitor) round(since map[local.Type]string) *jmap.Request {
	request := &jmap.Request{}
	for _, t := range local.Lists {
		state, has := since[t]
		if !has {
			continue
		}
		most, name := jmap.DefaultLimits.MaxObjectsInGet, string(t)+"/changes"
		changes := request.Call(name, jmap.ChangesArgs{AccountID: v.account, SinceState: state, MaxChanges: &most})
		for _, path := range []string{"/created", "/updated"} {
			request.Call(string(t)+"/get", jmap.GetArgs{AccountID: v.account, IDsOf: &jmap.ResultReference{ResultOf: changes, Name: name, Path: path}})
		}
	}
	for _, t := range local.Singletons {
		request.Call(string(t)+"/get", jmap.GetArgs{AccountID: v.account, IDs: []jmap.ID{jmap.ID(office.Singleton)}})
	}
	return request
}

// earlier returns the state n changes before. What a state says is the server's
// secret; that it ends in the number of the last change is known here.
func earlier(state string, n int) (string, error) {
	dot := strings.LastIndexByte(state, '.')
	last, err := strconv.Atoi(state[dot+1:])
	if err != nil || last < n {
		return "", fmt.Errorf("no state %d before %q", n, state)
	}
	return state[:dot+1] + strconv.Itoa(last-n), nil
}
