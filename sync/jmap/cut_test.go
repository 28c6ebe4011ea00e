package jmap

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What is cut is what encoding/json reads.
func TestResponseIsCut(t *testing.T) {
	const object = ` { "a\"]" : [ { } , "}\\" , -1.5e3 , true , null , [ [ ] , 7 ] ] , "b" : "" } `
	for name, c := range map[string]struct {
		body string
		want []Invocation // nil: it is refused
	}{
		"one":                 {`{"methodResponses":[["Foo/get",{"list":[1]},"0"]],"sessionState":"s"}`, []Invocation{{"Foo/get", json.RawMessage(`{"list":[1]}`), "0"}}},
		"spaces":              {"\n{ \"sessionState\" : \"s\" , \"methodResponses\" : [ [ \"a\" ,\t{ } , \"0\" ] ] } ", []Invocation{{"a", json.RawMessage(`{ }`), "0"}}},
		"two":                 {`{"methodResponses":[["a",{"x":"],[\\"},"0"],["b\n",{},"1"]],"sessionState":"s"}`, []Invocation{{"a", json.RawMessage(`{"x":"],[\\"}`), "0"}, {"b\n", json.RawMessage(`{}`), "1"}}},
		"escaped name":        {`{"\u006dethodResponses":[["a",{},"0"]],"sessionState":"s","more":[{"sessionState":1}]}`, []Invocation{{"a", json.RawMessage(`{}`), "0"}}},
		"not JSON":            {`{"methodResponses":[["a",{},"0"]],"sessionState":"s"`, nil},
		"two values":          {`{"methodResponses":[],"sessionState":"s"}{}`, nil},
		"no object":           {`["a",{},"0"]`, nil},
		"a string":            {`{"methodResponses":"a","sessionState":"s"}`, nil},
		"an answer of two":    {`{"methodResponses":[["a",{}]],"sessionState":"s"}`, nil},
		"an answer of four":   {`{"methodResponses":[["a",{},"0",{}]],"sessionState":"s"}`, nil},
		"arguments a number":  {`{"methodResponses":[["a",1,"0"]],"sessionState":"s"}`, nil},
		"a name that is none": {`{"methodResponses":[[null,{},"0"]],"sessionState":"s"}`, nil},
		"a state of numbers":  {`{"methodResponses":[],"sessionState":7}`, nil},
	} {
		var r Response
		err := r.Parse([]byte(c.body))
		if c.want == nil {
			if err == nil {
				t.Errorf("%s: it is taken: %+v", name, r)
			}
			continue
		}
		if err != nil || r.SessionState != "s" || !reflect.DeepEqual(r.Answers, c.want) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	var g GetResponse
	answer := `{"accountId":"u","list":[` + object + `,"x"],"more":{"list":[]},"state":"1","notFound":["n"]}`
	if err := g.parse(json.RawMessage(answer)); err != nil || g.AccountID != "u" || g.State != "1" || len(g.List) != 2 || string(g.List[0]) != object[1:len(object)-1] || len(g.NotFound) != 1 {
		t.Errorf("%+v, %v", g, err)
	}
	if err := g.parse(json.RawMessage(`{"list":{}}`)); err == nil {
		t.Error("a list that is an object is taken")
	}
}

// What Answer and Response write, encoding/json reads as it was.
func TestResponseTravels(t *testing.T) {
	g := GetResponse{AccountID: "u", State: "<1>", List: []json.RawMessage{json.RawMessage(`{"id":"a"}`), json.RawMessage(`{"id":"b","x":[1,"é"]}`)}, NotFound: []ID{"n"}}
	r := Response{
		Answers:    []Invocation{{"Foo/get", g.encode(), "0"}, {"err\"or", json.RawMessage(`{}`), ""}},
		CreatedIDs: map[ID]ID{"k": "v"}, SessionState: "s&",
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var read Response
	var got GetResponse
	if err := json.Unmarshal(raw, &read); err != nil || !reflect.DeepEqual(read, r) || json.Unmarshal(read.Answers[0].Args, &got) != nil || !reflect.DeepEqual(got, g) {
		t.Errorf("%s: %+v, %v", raw, got, err)
	}
	for _, empty := range []string{string(must(json.Marshal(Response{}))), string(GetResponse{List: []json.RawMessage{}, NotFound: []ID{}}.encode())} {
		if empty != `{"methodResponses":[],"sessionState":""}` && empty != `{"accountId":"","state":"","list":[],"notFound":[]}` {
			t.Error(empty)
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func FuzzResponseParse(f *testing.F) {
	f.Add([]byte(`{"methodResponses":[["Foo/get",{"list":[{"a":"}"},1,""]},"0"]],"sessionState":"s","createdIds":{"a":"b"}}`))
	f.Add([]byte(`{"methodResponses":[["Foo/get",{"list":"\\\"]"},"0"]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r Response
		var g GetResponse
		g.parse(body) // of what is not valid only that it ends
		if r.Parse(body) != nil {
			return
		}
		for _, a := range r.Answers {
			var slow struct {
				List []json.RawMessage `json:"list"`
			}
			if !json.Valid(a.Args) {
				t.Fatalf("%q is cut to %q", body, a.Args)
			}
			if g.parse(a.Args) != nil || json.Unmarshal(a.Args, &slow) != nil || len(slow.List) > 0 && len(g.List) == 0 { // names may be folded, or come twice
				continue
			}
			for _, object := range g.List {
				if !json.Valid(object) {
					t.Fatalf("%q is cut to %q", a.Args, object)
				}
			}
		}
		var again Response
		if err := again.Parse(must(json.Marshal(r))); err != nil || len(again.Answers) != len(r.Answers) {
			t.Fatalf("%+v becomes %+v, %v", r, again, err)
		}
	})
}
