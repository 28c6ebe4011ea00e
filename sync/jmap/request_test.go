package jmap

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const product = "urn:example:product"

func TestParseRequest(t *testing.T) {
	calls := func(n int) string {
		return `{"using":[],"methodCalls":[` + strings.TrimSuffix(strings.Repeat(`["Core/echo",{},"a"],`, n), ",") + `]}`
	}
	for name, c := range map[string]struct {
		body string
		want string // type of the Problem, or with LimitProblem the limit; empty: none
	}{
		"plain":               {`{"using":["` + Core + `","` + product + `"],"methodCalls":[["Core/echo",{"a":1},"0"]]}`, ""},
		"no calls":            {`{"using":[],"methodCalls":[]}`, ""},
		"unknown member":      {`{"using":[],"methodCalls":[],"extra":1}`, ""}, // RFC 8620 §3.3 allows later extensions
		"empty":               {``, NotJSON},
		"not JSON":            {`{"using":`, NotJSON},
		"two values":          {`{"using":[],"methodCalls":[]} {}`, NotJSON},
		"trailing bytes":      {`{"using":[],"methodCalls":[]}x`, NotJSON},
		"not UTF-8":           {"{\"using\":[],\"methodCalls\":[],\"\xff\":1}", NotJSON},
		"duplicate member":    {`{"using":[],"using":[],"methodCalls":[]}`, NotJSON},
		"duplicate, escaped":  {`{"using":[],"\u0075sing":[],"methodCalls":[]}`, NotJSON},
		"duplicate, deep":     {`{"using":[],"methodCalls":[["a",{"b":[{"c":1,"c":2}]},"0"]]}`, NotJSON},
		"same name, apart":    {`{"using":[],"methodCalls":[["a",{"b":[{"c":1},{"c":2}]},"0"]]}`, ""},
		"half a surrogate":    {`{"using":[],"methodCalls":[["a",{"b":"\ud800"},"0"]]}`, NotJSON},
		"halves swapped":      {`{"using":[],"methodCalls":[["a",{"b":"\udc00\ud800"},"0"]]}`, NotJSON},
		"whole surrogate":     {`{"using":[],"methodCalls":[["a",{"b":"\ud83d\ude00"},"0"]]}`, ""},
		"escaped backslash":   {`{"using":[],"methodCalls":[["a",{"b":"\\ud800"},"0"]]}`, ""},
		"an array":            {`[]`, NotRequest},
		"null":                {`null`, NotRequest},
		"a string":            {`"using"`, NotRequest},
		"no using":            {`{"methodCalls":[]}`, NotRequest},
		"no methodCalls":      {`{"using":[]}`, NotRequest},
		"using is a string":   {`{"using":"` + Core + `","methodCalls":[]}`, NotRequest},
		"call is an object":   {`{"using":[],"methodCalls":[{}]}`, NotRequest},
		"call of two":         {`{"using":[],"methodCalls":[["a",{}]]}`, NotRequest},
		"call of four":        {`{"using":[],"methodCalls":[["a",{},"0",1]]}`, NotRequest},
		"arguments an array":  {`{"using":[],"methodCalls":[["a",[],"0"]]}`, NotRequest},
		"name is null":        {`{"using":[],"methodCalls":[[null,{},"0"]]}`, NotRequest},
		"call id is a number": {`{"using":[],"methodCalls":[["a",{},0]]}`, NotRequest},
		"capability":          {`{"using":["urn:none"],"methodCalls":[]}`, UnknownCapability},
		"as many calls":       {calls(DefaultLimits.MaxCallsInRequest), ""},
		"too many calls":      {calls(DefaultLimits.MaxCallsInRequest + 1), "maxCallsInRequest"},
		"too deep":            {`{"using":[],"methodCalls":[["a",{"b":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `},"0"]]}`, NotJSON},
		"bomb":                {strings.Repeat("[", 1<<19), NotJSON},
		"bomb of objects":     {strings.Repeat(`{"a":`, 1<<17), NotJSON},
		"too large":           {`{"using":[],"methodCalls":[],"pad":"` + strings.Repeat("x", 1<<20) + `"}`, "maxSizeRequest"},
	} {
		r, p := ParseRequest([]byte(c.body), DefaultLimits, product)
		got := ""
		if p != nil {
			got = p.Type
			if p.Limit != "" {
				got = p.Limit
			}
			if p.Status != 400 {
				t.Errorf("%s: status %d", name, p.Status)
			}
		}
		if got != c.want || (p == nil) != (r != nil) {
			t.Errorf("%s: got %q (%v), want %q", name, got, p, c.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	broken := errors.New("disk on fire")
	var failures []error
	r, p := ParseRequest([]byte(`{"using":[],"methodCalls":[
		["Core/echo",{"hello":[1,2]},"a"],
		["Foo/get",{},"b"],
		["Foo/none",{},"c"],
		["Foo/break",{},"d"],
		["Core/echo",{"#got":{"resultOf":"a","name":"Core/echo","path":"/hello/1"}},"e"]]}`), DefaultLimits)
	if p != nil {
		t.Fatal(p)
	}
	res := r.Answer(context.Background(), DefaultLimits, func(_ context.Context, i Invocation) (any, error) {
		switch i.Name {
		case "Foo/get":
			return GetResponse{State: "1", List: []json.RawMessage{}, NotFound: []ID{}}, nil
		case "Foo/break":
			return nil, broken
		}
		return nil, &MethodError{Type: UnknownMethod}
	}, func(_ Invocation, err error) { failures = append(failures, err) })
	raw, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"methodResponses":[["Core/echo",{"hello":[1,2]},"a"],` +
		`["Foo/get",{"accountId":"","state":"1","list":[],"notFound":[]},"b"],` +
		`["error",{"type":"unknownMethod"},"c"],["error",{"type":"serverFail","description":"the server could not do it; its log says why"},"d"],` +
		`["Core/echo",{"got":2},"e"]],"sessionState":""}`
	if string(raw) != want {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
	if len(failures) != 1 || failures[0] != broken {
		t.Errorf("failures %v", failures)
	}
}

// Sixteen calls that each repeat a megabyte are answered with four of them.
func TestAnswersAreBoundedTogether(t *testing.T) {
	r := &Request{}
	r.Call("Core/echo", map[string]string{"a": strings.Repeat("x", 1<<20-100)})
	for range DefaultLimits.MaxCallsInRequest - 1 {
		r.Call("Core/echo", map[string]ResultReference{"#a": {"0", "Core/echo", "/a"}})
	}
	res := r.Answer(context.Background(), DefaultLimits, nil, nil)
	for i, a := range res.Answers {
		switch {
		case i < 4 && a.Name != "Core/echo":
			t.Errorf("call %d was answered with %s %s", i, a.Name, a.Args)
		case i >= 4 && (a.Name != "error" || !strings.Contains(string(a.Args), RequestTooLarge)):
			t.Errorf("call %d was answered with %s of %d octets", i, a.Name, len(a.Args))
		}
	}
}

func TestAnswerStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Request{}
	first, second := r.Call("Foo/get", struct{}{}), r.Call("Foo/get", struct{}{})
	res := r.Answer(ctx, DefaultLimits, func(context.Context, Invocation) (any, error) {
		cancel()
		return struct{}{}, nil
	}, nil)
	var refused *MethodError
	if err := res.Find(first, &struct{}{}); err != nil {
		t.Error(err)
	}
	if err := res.Find(second, &struct{}{}); !errors.As(err, &refused) || refused.Type != ServerUnavailable {
		t.Errorf("got %v", err)
	}
}

// What a client builds must be what a server reads.
func TestCallAndFind(t *testing.T) {
	r := &Request{Using: []string{Core, product}}
	changes := r.Call("Foo/changes", ChangesArgs{AccountID: "A", SinceState: "1"})
	get := r.Call("Foo/get", GetArgs{AccountID: "A", IDsOf: &ResultReference{changes, "Foo/changes", "/created"}})
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	parsed, p := ParseRequest(body, DefaultLimits, product)
	if p != nil {
		t.Fatal(p)
	}
	res := parsed.Answer(context.Background(), DefaultLimits, func(_ context.Context, i Invocation) (any, error) {
		switch i.Name {
		case "Foo/changes":
			var a ChangesArgs
			if e := Decode(i.Args, &a); e != nil {
				return nil, e
			}
			return ChangesResponse{AccountID: a.AccountID, OldState: a.SinceState, NewState: "2", Created: []ID{"x", "y"}}, nil
		default:
			var a GetArgs
			if e := Decode(i.Args, &a); e != nil {
				return nil, e
			}
			list := []json.RawMessage{}
			for _, id := range a.IDs {
				list = append(list, json.RawMessage(`{"id":"`+string(id)+`"}`))
			}
			return GetResponse{AccountID: a.AccountID, State: "2", List: list}, nil
		}
	}, nil)
	var got GetResponse
	if err := res.Find(get, &got); err != nil || len(got.List) != 2 || string(got.List[1]) != `{"id":"y"}` {
		t.Errorf("%+v, %v", got, err)
	}
	if err := res.Find("9", &got); err == nil {
		t.Error("found an answer to no call")
	}
	if err := res.Find(get, &[]int{}); err == nil {
		t.Error("an object was read into an array")
	}
}

func TestDecodeIsStrict(t *testing.T) {
	for in, ok := range map[string]bool{
		`{"accountId":"a"}`:             true,
		`{"accountId":"a","ids":null}`:  true,
		`{"accountId":"a","ids":["b"]}`: true,
		`{"accountid":"a"}`:             false, // encoding/json would take it
		`{"accountId":"a","idz":[]}`:    false,
		`{"accountId":1}`:               false,
		`{"ids":"b"}`:                   false,
		`{"accountId":"a"} {}`:          false,
		`[]`:                            false,
		`null`:                          false,
		`{"accountId":"a","#ids":{"resultOf":"a"},"x":1}`: false,
	} {
		if err := Decode(json.RawMessage(in), &GetArgs{}); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// An empty list of ids asks for nothing, a missing one for everything: the
// difference must survive the wire.
func TestNoIDsAreNotAllIDs(t *testing.T) {
	for _, ids := range [][]ID{nil, {}, {"a"}} {
		raw, err := json.Marshal(GetArgs{IDs: ids})
		if err != nil {
			t.Fatal(err)
		}
		var back GetArgs
		if err := Decode(raw, &back); err != nil || (back.IDs == nil) != (ids == nil) || len(back.IDs) != len(ids) {
			t.Errorf("%v travelled as %s", ids, raw)
		}
	}
}

func TestArgumentLimits(t *testing.T) {
	limits := Limits{MaxObjectsInGet: 1, MaxObjectsInSet: 2}
	zero, one := 0, 1
	for name, c := range map[string]struct {
		got  *MethodError
		want string
	}{
		"get one":         {(&GetArgs{IDs: []ID{"a"}}).Check(limits), ""},
		"get two":         {(&GetArgs{IDs: []ID{"a", "b"}}).Check(limits), RequestTooLarge},
		"set two":         {(&SetArgs{Update: map[ID]Patch{"a": nil}, Destroy: []ID{"b"}}).Check(limits), ""},
		"set three":       {(&SetArgs{Create: map[ID]json.RawMessage{"c": nil}, Update: map[ID]Patch{"a": nil}, Destroy: []ID{"b"}}).Check(limits), RequestTooLarge},
		"changes":         {(&ChangesArgs{SinceState: "1", MaxChanges: &one}).Check(), ""},
		"changes of none": {(&ChangesArgs{SinceState: "1", MaxChanges: &zero}).Check(), InvalidArguments},
		"changes of when": {(&ChangesArgs{}).Check(), InvalidArguments},
		"query":           {(&QueryArgs{Limit: &zero}).Check(), ""},
		"query minus one": {(&QueryArgs{Limit: func() *int { n := -1; return &n }()}).Check(), InvalidArguments},
	} {
		got := ""
		if c.got != nil {
			got = c.got.Type
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestPick(t *testing.T) {
	object := json.RawMessage(`{"id":"a","size":3,"name":"n"}`)
	if got, err := Pick(object, nil); err != nil || string(got) != string(object) {
		t.Errorf("all: %s, %v", got, err)
	}
	if got, err := Pick(object, []string{"size"}); err != nil || string(got) != `{"id":"a","size":3}` {
		t.Errorf("one: %s, %v", got, err)
	}
	if _, err := Pick(object, []string{"colour"}); err == nil || err.Type != InvalidArguments {
		t.Errorf("unknown: %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"using":["` + Core + `"],"methodCalls":[["Core/echo",{"a":[1,{"b":2}]},"0"],["Core/echo",{"#a":{"resultOf":"0","name":"Core/echo","path":"/a/*/b"}},"1"]]}`))
	f.Add([]byte(`{"using":[],"methodCalls":[["Core/echo",{"\u0023a":{"resultOf":"0","name":"","path":""}},"0"]],"createdIds":{"a":"b"}}`))
	f.Add([]byte(`{"using":[],"methodCalls":[["a",{"b":"\ud83d\ude00\\\ud800"},"0"]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, p := ParseRequest(body, DefaultLimits, product)
		if p != nil {
			if p.Status != 400 || p.Type == "" {
				t.Errorf("a problem without its kind: %+v", p)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatal("not JSON and yet a request")
		}
		res := r.Answer(context.Background(), DefaultLimits, func(_ context.Context, i Invocation) (any, error) {
			return nil, Decode(i.Args, &GetArgs{})
		}, nil)
		if len(res.Answers) != len(r.Calls) {
			t.Errorf("%d answers to %d calls", len(res.Answers), len(r.Calls))
		}
		if _, err := json.Marshal(res); err != nil {
			t.Error(err)
		}
	})
}
