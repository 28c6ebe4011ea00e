package jmap

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

func object(t testing.TB, text string) Object {
	t.Helper()
	var o Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestPatch(t *testing.T) {
	const before = `{"id":"x","on":true,"when":{"busy":true},"deep":{"a":{"b":1}},"list":[1,2],"a/b":0,"m~n":0,"none":null}`
	const defaults = `{"on":false,"when":{}}`
	tests := map[string]struct {
		patch string
		want  string // properties that differ from before; empty: refused
		kind  string
		names []string
	}{
		"nothing":                   {`{}`, `{}`, "", nil},
		"a property":                {`{"on":false}`, `{"on":false}`, "", nil},
		"null is the default":       {`{"on":null,"when":null}`, `{"on":false,"when":{}}`, "", nil},
		"null without a default":    {`{"list":null}`, `{"list":null}`, "", nil},
		"into a member":             {`{"when/busy":false,"when/offline":true}`, `{"when":{"busy":false,"offline":true}}`, "", nil},
		"null takes a member":       {`{"when/busy":null}`, `{"when":{}}`, "", nil},
		"null of what is not there": {`{"when/offline":null}`, `{"when":{"busy":true}}`, "", nil},
		"two steps":                 {`{"deep/a/b":2}`, `{"deep":{"a":{"b":2}}}`, "", nil},
		"escaped slash":             {`{"a~1b":1}`, `{"a/b":1}`, "", nil},
		"escaped tilde":             {`{"m~0n":1}`, `{"m~n":1}`, "", nil},
		"unknown":                   {`{"off":1,"on":false,"away":2}`, "", InvalidProperties, []string{"away", "off"}},
		"unknown on the way":        {`{"off/busy":1}`, "", InvalidProperties, []string{"off/busy"}},
		"leading slash":             {`{"/on":1}`, "", InvalidProperties, []string{"/on"}},
		"empty":                     {`{"":1}`, "", InvalidProperties, []string{""}},
		"missing on the way":        {`{"deep/c/d":1}`, "", InvalidPatch, nil},
		"through an array":          {`{"list/0":1}`, "", InvalidPatch, nil},
		"through a boolean":         {`{"on/x":1}`, "", InvalidPatch, nil},
		"through null":              {`{"none/x":1}`, "", InvalidPatch, nil},
		"one within another":        {`{"when":{},"when/busy":true}`, "", InvalidPatch, nil},
		"one twice":                 {`{"a~1b":1,"deep/a":1,"deep/a/b":1}`, "", InvalidPatch, nil},
	}
	for name, tt := range tests {
		was := object(t, before)
		got, refused := Patch(object(t, tt.patch)).Apply(was, object(t, defaults))
		if !maps.EqualFunc(was, object(t, before), sameJSON) {
			t.Errorf("%s: the object itself was changed", name)
		}
		if tt.want == "" {
			if refused == nil || refused.Type != tt.kind || !slices.Equal(refused.Properties, tt.names) {
				t.Errorf("%s: %+v, want %s of %q", name, refused, tt.kind, tt.names)
			}
			continue
		}
		want := object(t, before)
		maps.Copy(want, object(t, tt.want))
		if refused != nil || !maps.EqualFunc(got, want, sameJSON) {
			t.Errorf("%s: %s, %v, want %s", name, got, refused, want)
		}
	}
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

func TestPatchNamesWhatItTouches(t *testing.T) {
	p := Patch(object(t, `{"when/busy":true,"when/offline":null,"a~1b":1,"on":false}`))
	if got, want := p.Properties(), []string{"a/b", "on", "when"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzPatch applies any patch: what it says it touches, and nothing else, may
// differ afterwards.
func FuzzPatch(f *testing.F) {
	f.Add(`{"on":null,"when/busy":null}`)
	f.Add(`{"deep/a/b":{"c":[]},"list":0}`)
	f.Add(`{"":{"a":1},"/":2,"~":3,"~1":4,"deep//":5}`)
	f.Fuzz(func(t *testing.T, text string) {
		var p Patch
		if json.Unmarshal([]byte(text), &p) != nil {
			return
		}
		was := object(t, `{"id":"x","on":true,"when":{"busy":true},"deep":{"a":{"b":1}},"list":[1]}`)
		got, refused := p.Apply(was, object(t, `{"on":false,"when":{}}`))
		if (got == nil) == (refused == nil) {
			t.Fatalf("%s: %s and %v", text, got, refused)
		}
		touched := p.Properties()
		for name, value := range got {
			if !slices.Contains(touched, name) && !sameJSON(value, was[name]) {
				t.Errorf("%s: %s became %s", text, name, value)
			}
			if !json.Valid(value) {
				t.Errorf("%s: %s is %q", text, name, value)
			}
		}
	})
}
