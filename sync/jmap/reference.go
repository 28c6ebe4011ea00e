package jmap

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// A ResultReference takes an argument from the answer to an earlier call of the
// same request (RFC 8620 §3.7). It stands under the argument's name with a #
// before it.
type ResultReference struct {
	ResultOf string `json:"resultOf"`
	Name     string `json:"name"`
	Path     string `json:"path"`
}

// Resolve returns args with every result reference replaced by what it names in
// the answers so far. It returns invalidResultReference where one names nothing,
// invalidArguments where an argument is given twice, and requestTooLarge where
// the arguments grow beyond max octets, or the ways to them and to those of the
// calls before are too long: references can multiply.
func (r *Response) Resolve(args json.RawMessage, max int64) (json.RawMessage, *MethodError) {
	if !bytes.Contains(args, []byte(`"#`)) && !bytes.Contains(args, []byte(`"\u0023`)) {
		return args, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(args, &members) != nil {
		return nil, Invalid("the arguments are not an object")
	}
	size, way := int64(len(args)), walk{left: maxWalk*max - r.walked}
	defer func() { r.walked = min(maxWalk*max-way.left, maxWalk*max) }() // what did not suffice was not read
	for key, raw := range members {
		name, isRef := strings.CutPrefix(key, "#")
		if !isRef {
			continue
		}
		if _, twice := members[name]; twice {
			return nil, Invalid("an argument is given both plainly and by reference")
		}
		value, ok := r.find(raw, &way)
		if way.left < 0 {
			return nil, &MethodError{Type: RequestTooLarge}
		}
		if !ok {
			return nil, &MethodError{Type: InvalidResultReference}
		}
		if size += int64(len(value)); size > max {
			return nil, &MethodError{Type: RequestTooLarge}
		}
		delete(members, key)
		members[name] = value
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return nil, &MethodError{Type: ServerFail}
	}
	return raw, nil
}

// find returns the value that the reference in raw names.
func (r *Response) find(raw json.RawMessage, way *walk) (json.RawMessage, bool) {
	var ref ResultReference
	if Decode(raw, &ref) != nil {
		return nil, false
	}
	for _, a := range r.Answers {
		if a.CallID == ref.ResultOf { // the first one counts, whatever its name
			if a.Name != ref.Name || ref.Path != "" && ref.Path[0] != '/' {
				return nil, false
			}
			var tokens []string
			if ref.Path != "" {
				tokens = strings.Split(ref.Path[1:], "/")
			}
			return way.point(a.Args, tokens)
		}
	}
	return nil, false
}

// A walk follows references. What is referred to is read anew at every step, so
// that a short request could make very long work: left is how many more octets the
// calls of the request may read, negative where they did not suffice.
type walk struct{ left int64 }

const (
	maxWalk  = 4   // octets of the walks of a request for every octet of the largest
	stepCost = 256 // what a step costs, however short the value
)

// point follows a JSON pointer (RFC 6901), in which * stands for every item of
// an array; items that are arrays themselves are joined (RFC 8620 §3.7).
func (w *walk) point(value json.RawMessage, tokens []string) (json.RawMessage, bool) {
	if len(tokens) == 0 {
		return value, true
	}
	if w.left -= int64(len(value)) + stepCost; w.left < 0 {
		return nil, false
	}
	token := strings.ReplaceAll(strings.ReplaceAll(tokens[0], "~1", "/"), "~0", "~")
	value = bytes.TrimLeft(value, " \t\r\n")
	if len(value) == 0 {
		return nil, false
	}
	switch value[0] {
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(value, &members) != nil {
			return nil, false
		}
		next, has := members[token]
		if !has {
			return nil, false
		}
		return w.point(next, tokens[1:])
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(value, &items) != nil {
			return nil, false
		}
		if token == "*" {
			return w.each(items, tokens[1:])
		}
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(items) || strconv.Itoa(i) != token {
			return nil, false
		}
		return w.point(items[i], tokens[1:])
	}
	return nil, false
}

// each follows the rest of a pointer from every item and joins what it finds.
func (w *walk) each(items []json.RawMessage, tokens []string) (json.RawMessage, bool) {
	found := make([]json.RawMessage, 0, len(items))
	for _, item := range items {
		value, ok := w.point(item, tokens)
		if w.left -= stepCost; !ok || w.left < 0 {
			return nil, false
		}
		var inner []json.RawMessage
		if json.Unmarshal(value, &inner) == nil && inner != nil {
			found = append(found, inner...)
			continue
		}
		found = append(found, value)
	}
	raw, err := json.Marshal(found)
	return raw, err == nil
}
