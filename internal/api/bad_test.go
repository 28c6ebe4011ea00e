package api_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// files returns how many files of blobs the office has.
func (h *house) files() (n int) {
	h.t.Helper()
	err := filepath.WalkDir(filepath.Join(h.dir, "blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// raw sends text as it is, half closes the connection and returns the answer; nil
// where there is none.
func (h *house) raw(text string) *http.Response {
	h.t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(h.url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, text); err != nil {
		h.t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		h.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	res.Body.Close()
	return res
}

// states returns the states of everything that an extension has.
func (h *house) states(ext office.Number) map[store.Type]store.State {
	h.t.Helper()
	all, err := h.store.States(h.t.Context(), h.account(ext))
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// TestWhatDoesNotComeWhole: a client that goes away in the middle has done nothing.
func TestWhatDoesNotComeWhole(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), string(h.account("101"))
	v := h.leave("101", 1, "sound")
	before, files := h.states("101"), h.files()
	head := func(line, rest string) string {
		return line + " HTTP/1.1\r\nHost: office.test\r\nAuthorization: Bearer " + s.Token + "\r\nContent-Type: application/json\r\n" + rest
	}
	call := `{"using":["urn:timbre:jmap:office"],"methodCalls":[["Voicemail/set",{"accountId":"` + me + `","destroy":["` + string(v.ID) + `"]},"a"]]}`
	for name, text := range map[string]string{
		"an upload":                       head("POST /jmap/upload/"+me+"/", "Content-Length: 100000\r\n\r\n"+strings.Repeat("x", 50000)),
		"the start of an upload":          head("POST /jmap/upload/"+me+"/", "Content-Length: 100000\r\n\r\nx"),
		"an upload in pieces":             head("POST /jmap/upload/"+me+"/", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
		"a piece":                         head("POST /jmap/upload/"+me+"/", "Transfer-Encoding: chunked\r\n\r\nffff\r\nhello"),
		"a piece of an odd length":        head("POST /jmap/upload/"+me+"/", "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"),
		"a request":                       head("POST /jmap/api", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(call)+1, call)),
		"a request in pieces":             head("POST /jmap/api", fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(call), call)),
		"a request of two lengths":        head("POST /jmap/api", fmt.Sprintf("Content-Length: %d\r\nContent-Length: 5\r\n\r\n%s", len(call), call)),
		"a request with very long fields": head("POST /jmap/api", "X: "+strings.Repeat("x", 64<<10)+"\r\n\r\n"),
	} {
		if res := h.raw(text); res != nil && (res.StatusCode < 400 || res.StatusCode >= 500) {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if now := h.states("101"); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("%v, then %v", before, now)
	}
	if now := h.files(); now != files {
		t.Errorf("%d files, then %d", files, now)
	}
	if res := h.raw(head("POST /jmap/api", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(call), call))); res == nil || res.StatusCode != http.StatusOK {
		t.Errorf("the same whole: %v", res)
	}
}

// maxMemory is what one request may take in all, most of which is given back while it
// is served.
const maxMemory = 100 << 20

// TestBombs: a request that is made to grow does not, and changes nothing.
func TestBombs(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), string(h.account("101"))
	h.leave("101", 1, "sound")
	before := h.states("101")
	request := func(calls ...string) string {
		return `{"using":["urn:ietf:params:jmap:core","urn:timbre:jmap:office"],"methodCalls":[` + strings.Join(calls, ",") + `]}`
	}
	call := func(name, args, id string) string {
		return `["` + name + `",` + strings.ReplaceAll(args, "ME", me) + `,"` + id + `"]`
	}
	many := func(n int, item func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = item(i)
		}
		return strings.Join(all, ",")
	}
	var twice, stars []string // each answer holds the one before it twice
	twice = append(twice, call("Core/echo", `{"a":"`+strings.Repeat("x", 100<<10)+`"}`, "0"))
	stars = append(stars, call("Core/echo", `{"a":[`+many(1000, func(int) string { return "[1]" })+`]}`, "0"))
	for i := 1; i < 32; i++ {
		from := fmt.Sprintf(`{"resultOf":"%d","name":"Core/echo","path":""}`, i-1)
		twice = append(twice, call("Core/echo", `{"#a":`+from+`,"#b":`+from+`}`, fmt.Sprint(i)))
		from = fmt.Sprintf(`{"resultOf":"%d","name":"Core/echo","path":"/a/*/*/*/*"}`, 0)
		stars = append(stars, call("Core/echo", `{"#a":`+from+`,"#b":`+from+`}`, fmt.Sprint(i)))
	}
	tests := map[string]struct {
		body string
		want string // of the problem; empty: the methods are refused or answer
	}{
		"deep":                {strings.Repeat("[", 500<<10) + strings.Repeat("]", 500<<10), jmap.NotJSON},
		"deep and not closed": {strings.Repeat(`{"a":`, 100<<10), jmap.NotJSON},
		"deep in an argument": {request(call("Core/echo", strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000), "0")), jmap.NotJSON},
		"a long number":       {request(call("Core/echo", `{"a":`+strings.Repeat("9", 1000<<10)+`}`, "0")), ""},
		"a large number":      {request(call("Voicemail/query", `{"accountId":"ME","limit":1e999999999}`, "0")), ""},
		"many names":          {request(call("Core/echo", "{"+many(80000, func(i int) string { return fmt.Sprintf(`"%d":0`, i) })+"}", "0")), ""},
		"many calls":          {request(many(1000, func(i int) string { return call("Core/echo", "{}", fmt.Sprint(i)) })), jmap.LimitProblem},
		"many empty calls":    {request(strings.Repeat("[],", 300<<10) + "[]"), jmap.NotRequest},
		"many capabilities":   {`{"using":[` + many(30000, func(int) string { return `"urn:ietf:params:jmap:core"` }) + `],"methodCalls":[]}`, ""},
		"many creation ids":   {`{"createdIds":{` + many(40000, func(i int) string { return fmt.Sprintf(`"%d":"#%d"`, i, i) }) + `},"using":[],"methodCalls":[]}`, ""},
		"many objects":        {request(call("Fax/set", `{"accountId":"ME","create":{`+many(30000, func(i int) string { return fmt.Sprintf(`"%d":{}`, i) })+`}}`, "0")), ""},
		"many properties":     {request(call("Voicemail/get", `{"accountId":"ME","properties":[`+many(100000, func(int) string { return `"isNew"` })+`]}`, "0")), ""},
		"many patches":        {request(call("Profile/set", `{"accountId":"ME","update":{"singleton":{`+many(40000, func(i int) string { return fmt.Sprintf(`"email/%d":0`, i) })+`}}}`, "0")), ""},
		"a long path":         {request(call("Profile/set", `{"accountId":"ME","update":{"singleton":{"email`+strings.Repeat("/a", 400<<10)+`":0}}}`, "0")), ""},
		"many orders":         {request(call("Voicemail/query", `{"accountId":"ME","sort":[`+many(15000, func(int) string { return `{"property":"receivedAt","isAscending":false}` })+`]}`, "0")), ""},
		"a long text":         {request(call("Voicemail/query", `{"accountId":"ME","filter":{"text":"`+strings.Repeat("a ", 400<<10)+`"}}`, "0")), ""},
		"nested filters":      {request(call("Voicemail/query", `{"accountId":"ME","filter":`+strings.Repeat(`{"operator":"NOT","conditions":[`, 10)+"{}"+strings.Repeat("]}", 10)+`}`, "0")), ""},
		"doubled answers":     {request(twice...), ""},
		"stars":               {request(stars...), ""},
		"too long":            {request() + strings.Repeat(" ", 1<<20), jmap.LimitProblem},
	}
	for name, tt := range tests {
		var first, last runtime.MemStats
		runtime.ReadMemStats(&first)
		began := time.Now()
		a := h.do("POST", "/jmap/api", s.Token, tt.body)
		took := time.Since(began)
		runtime.ReadMemStats(&last)
		if grown := last.TotalAlloc - first.TotalAlloc; grown > maxMemory || took > limit/2 {
			t.Errorf("%s: took %d MB and %s", name, grown>>20, took)
		}
		if tt.want == "" {
			if a.StatusCode != http.StatusOK || strings.Contains(string(a.body), jmap.ServerFail) || len(a.body) > 8<<20 {
				t.Errorf("%s: %d, %d bytes: %.200s", name, a.StatusCode, len(a.body), a.body)
			}
			continue
		}
		if p := into[jmap.Problem](t, a, http.StatusBadRequest); p.Type != tt.want {
			t.Errorf("%s: %+v, want %s", name, p, tt.want)
		}
	}
	if now := h.states("101"); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("%v, then %v", before, now)
	}
}
