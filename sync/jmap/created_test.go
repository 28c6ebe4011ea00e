package jmap

import (
	"context"
	"encoding/json"
	"testing"
)

func TestCreationIDsStandForWhatWasMade(t *testing.T) {
	do := func(_ context.Context, c Invocation) (any, error) {
		switch c.Name {
		case "Foo/set":
			return SetResponse{Created: map[ID]json.RawMessage{"k": json.RawMessage(`{"id":"` + c.CallID + `"}`), "odd": json.RawMessage(`7`)}}, nil
		}
		return c.Args, nil
	}
	tests := []struct{ name, args, want string }{
		{"ids", `{"ids":["#k","#none","k"]}`, `{"ids":["new","#none","k"]}`},
		{"destroy", `{"destroy":["#k"],"x":"#k"}`, `{"destroy":["new"],"x":"#k"}`},
		{"update", `{"update":{"#k":{"a":"#k"},"y":null}}`, `{"update":{"new":{"a":"#k"},"y":null}}`},
		{"before", `{"ids":["#old"]}`, `{"ids":["x"]}`},
		{"the same name again", `{"ids":["#twice"]}`, `{"ids":["x"]}`},
		{"wrong types", `{"ids":"#k"}`, `{"ids":"#k"}`},
		{"null", `{"ids":null,"update":null,"x":"#"}`, `{"ids":null,"update":null,"x":"#"}`},
	}
	for _, tt := range tests {
		r := Request{
			CreatedIDs: map[ID]ID{"old": "x", "k": "old", "twice": "x"},
			Calls: []Invocation{
				{"Foo/set", json.RawMessage(`{}`), "first"},
				{"Foo/set", json.RawMessage(`{}`), "new"},
				{"Foo/get", json.RawMessage(tt.args), "2"},
			},
		}
		res := r.Answer(t.Context(), DefaultLimits, do, nil)
		if got := string(res.Answers[2].Args); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if res.CreatedIDs["k"] != "new" || res.CreatedIDs["old"] != "x" || r.CreatedIDs["k"] != "old" {
			t.Errorf("%s: %v after %v", tt.name, res.CreatedIDs, r.CreatedIDs)
		}
	}
	r := Request{Calls: []Invocation{{"Foo/set", json.RawMessage(`{}`), "new"}, {"Foo/get", json.RawMessage(`{"ids":["#k"]}`), "1"}}}
	if res := r.Answer(t.Context(), DefaultLimits, do, nil); string(res.Answers[1].Args) != `{"ids":["new"]}` || res.CreatedIDs != nil {
		t.Errorf("%s, %v: want the ids used, but not told to who did not ask", res.Answers[1].Args, res.CreatedIDs)
	}
}
