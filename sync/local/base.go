package local

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// An object is a JMAP object by the names of its properties.
type object = map[string]json.RawMessage

func properties(b []byte) (object, error) {
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, err
	}
	if o == nil { // null
		o = object{}
	}
	return o, nil
}

// A base holds, for each property that an edit touches, the values that the server
// may have without anybody else having changed it.
type base map[string][]json.RawMessage

func (b base) add(name string, v json.RawMessage) {
	if v == nil {
		v = json.RawMessage("null")
	}
	if !b.has(name, v) {
		b[name] = append(b[name], v)
	}
}

func (b base) has(name string, v json.RawMessage) bool {
	return slices.ContainsFunc(b[name], func(known json.RawMessage) bool { return same(known, v) })
}

func (b *base) read(s string) error {
	*b = base{}
	if s == "" {
		return nil
	}
	return json.Unmarshal([]byte(s), b)
}

func (b base) text() (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	t, err := json.Marshal(b)
	return string(t), err
}

// same reports whether two JSON texts say the same: nothing is as good as null, and
// times are as good as the milliseconds that the server keeps.
func same(a, b json.RawMessage) bool {
	var x, y any
	if len(a) > 0 && json.Unmarshal(a, &x) != nil || len(b) > 0 && json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(kept(x), kept(y))
}

// kept returns v with all times as the server keeps them.
func kept(v any) any {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return millis(t)
		}
	case []any:
		for i := range v {
			v[i] = kept(v[i])
		}
	case map[string]any:
		for name, x := range v {
			if v[name] = kept(x); x == nil {
				delete(v, name)
			}
		}
	}
	return v
}
