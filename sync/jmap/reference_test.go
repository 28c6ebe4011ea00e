package jmap

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	answers := []Invocation{
		{"Foo/query", json.RawMessage(`{"ids":["a","b"],"a/b~c":7,"none":null}`), "0"},
		{"Foo/get", json.RawMessage(`{"list":[{"threads":["x","y"],"n":1},{"threads":["z"],"n":2}],"empty":[]}`), "1"},
		{"error", json.RawMessage(`{"type":"serverFail"}`), "2"},
		{"Foo/get", json.RawMessage(`{"list":[]}`), "1"}, // a second answer of the same call is not looked at
	}
	ref := func(of, name, path string) string {
		return fmt.Sprintf(`{"#v":{"resultOf":%q,"name":%q,"path":%q}}`, of, name, path)
	}
	for in, want := range map[string]string{
		`{"v":1}`:                                                         `{"v":1}`,
		`{"v":"#not a reference"}`:                                        `{"v":"#not a reference"}`,
		ref("0", "Foo/query", "/ids"):                                     `{"v":["a","b"]}`,
		ref("0", "Foo/query", "/ids/1"):                                   `{"v":"b"}`,
		ref("0", "Foo/query", "/a~1b~0c"):                                 `{"v":7}`,
		ref("0", "Foo/query", "/none"):                                    `{"v":null}`,
		ref("1", "Foo/get", "/list/*/n"):                                  `{"v":[1,2]}`,
		ref("1", "Foo/get", "/list/*/threads"):                            `{"v":["x","y","z"]}`, // joined
		ref("1", "Foo/get", "/empty/*/threads"):                           `{"v":[]}`,
		`{"\u0023v":{"resultOf":"0","name":"Foo/query","path":"/ids/0"}}`: `{"v":"a"}`,
		ref("0", "Foo/query", "/ids/2"):                                   InvalidResultReference,
		ref("0", "Foo/query", "/ids/01"):                                  InvalidResultReference,
		ref("0", "Foo/query", "/ids/-1"):                                  InvalidResultReference,
		ref("0", "Foo/query", "/gone"):                                    InvalidResultReference,
		ref("0", "Foo/query", "ids"):                                      InvalidResultReference,
		ref("0", "Foo/query", "/ids/*/x"):                                 InvalidResultReference,
		ref("0", "Foo/get", "/ids"):                                       InvalidResultReference,
		ref("2", "Foo/get", "/list"):                                      InvalidResultReference, // that call failed
		ref("9", "Foo/get", "/list"):                                      InvalidResultReference,
		`{"#v":1}`:                                                        InvalidResultReference,
		`{"#v":{"resultOf":"0","extra":1}}`:                               InvalidResultReference,
		`{"v":1,"#v":{"resultOf":"0","name":"Foo/query","path":"/ids"}}`:  InvalidArguments,
	} {
		got, err := (&Response{Answers: answers}).Resolve(json.RawMessage(in), 1000)
		if err != nil {
			got = json.RawMessage(err.Type)
		}
		if string(got) != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if got, err := (&Response{Answers: answers}).Resolve(json.RawMessage(ref("0", "Foo/query", "")), 1000); err != nil || !strings.Contains(string(got), `"ids"`) {
		t.Errorf("the whole answer: %s, %v", got, err)
	}
}

// References to references double what they name each time: 15 calls of 100
// references each would ask for 10^30 octets.
func TestReferencesCannotMultiply(t *testing.T) {
	r := &Request{}
	r.Call("Core/echo", map[string]string{"a": strings.Repeat("x", 1000)})
	for i := range DefaultLimits.MaxCallsInRequest - 1 {
		args := map[string]any{}
		for k := range 100 {
			args[fmt.Sprintf("#%d", k)] = ResultReference{fmt.Sprint(i), "Core/echo", ""}
		}
		r.Call("Core/echo", args)
	}
	res := r.Answer(context.Background(), DefaultLimits, nil, nil)
	size := 0
	for _, a := range res.Answers {
		size += len(a.Args)
	}
	if size > 2<<20 {
		t.Errorf("the answers hold %d octets", size)
	}
	if last := res.Answers[len(res.Answers)-1]; last.Name != "error" {
		t.Errorf("the last call was answered with %s", last.Name)
	}
}

// A reference reads the answer that it names anew, and a star follows every item:
// without a bound, one request of a megabyte is many seconds of work.
func TestLongWaysOfReferencesAreRefused(t *testing.T) {
	answer := func(args string) *Response {
		return &Response{Answers: []Invocation{{"Core/echo", json.RawMessage(args), "0"}}}
	}
	refs := func(n int, path string) json.RawMessage {
		args := map[string]any{}
		for i := range n {
			args[fmt.Sprintf("#%d", i)] = ResultReference{"0", "Core/echo", path}
		}
		raw, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	items := func(n int, item string) string { return `{"a":[` + strings.Repeat(item+",", n-1) + item + `]}` }
	for name, c := range map[string]struct {
		answer string
		refs   json.RawMessage
		want   string
	}{
		"stars over many small items":     {items(200_000, "[]"), refs(1, "/a/*/*"), RequestTooLarge},
		"many references into one answer": {`{"a":"` + strings.Repeat("x", 500_000) + `","b":1}`, refs(5000, "/b"), RequestTooLarge},
		"what a client asks for":          {items(500, `{"id":"abcdefghijkl","blobId":"abcdefghijkl"}`), refs(4, "/a/*/id"), ""},
	} {
		_, err := answer(c.answer).Resolve(c.refs, DefaultLimits.MaxSizeRequest)
		if got := typeOf(err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The calls of a request share the way: else it could be as long as that of 31
// requests.
func TestCallsShareTheWayOfReferences(t *testing.T) {
	r := &Request{}
	r.Call("Core/echo", map[string]any{"a": make([]int, 100_000)})
	for range 31 {
		args := map[string]any{}
		for i := range 200 {
			args[fmt.Sprintf("#a%d", i)] = ResultReference{"0", "Core/echo", fmt.Sprintf("/a/%d", i)}
		}
		r.Call("Core/echo", args)
	}
	res := r.Answer(t.Context(), DefaultLimits, nil, nil)
	if most := int64(maxWalk) * DefaultLimits.MaxSizeRequest; res.walked > most {
		t.Errorf("%d octets were read, of at most %d", res.walked, most)
	}
	for i, a := range res.Answers[1:] {
		if refusal := `{"type":"` + RequestTooLarge + `"}`; a.Name != "error" || string(a.Args) != refusal {
			t.Errorf("call %d was answered with %s %.40s", i+1, a.Name, a.Args)
		}
	}
}

func typeOf(err *MethodError) string {
	if err == nil {
		return ""
	}
	return err.Type
}
