package jmap

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// A Patch names the properties to change and their new values; a name may be a
// path into the object, such as "quality/abc" (RFC 8620 §5.3).
type Patch map[string]json.RawMessage

// An Object is a JMAP object by the names of its properties.
type Object map[string]json.RawMessage

// Apply returns a copy of object changed as p says. Null sets a property to
// that of defaults, and takes a member away from what is deeper. The error is
// invalidPatch where a path leads nowhere, goes through an array or is part of
// another, and invalidProperties, which it names, where the object does not have
// them. Whether a value is any good is for the caller to say.
func (p Patch) Apply(object, defaults Object) (Object, *SetError) {
	paths := make([][]string, 0, len(p))
	names := slices.Sorted(maps.Keys(p))
	var unknown []string
	for _, name := range names {
		path := split(name)
		paths = append(paths, path)
		if _, has := object[path[0]]; !has {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, &SetError{Type: InvalidProperties, Properties: unknown, Description: "there is no such property"}
	}
	if nested(paths) {
		return nil, &SetError{Type: InvalidPatch, Description: "one path is part of another"}
	}
	changed := maps.Clone(object)
	for i, path := range paths {
		value := p[names[i]]
		switch {
		case len(path) > 1:
			inner, ok := put(changed[path[0]], path[1:], value)
			if !ok {
				return nil, &SetError{Type: InvalidPatch, Description: "a path leads nowhere"}
			}
			changed[path[0]] = inner
		case isNull(value):
			if value = defaults[path[0]]; value == nil {
				value = json.RawMessage("null")
			}
			fallthrough
		default:
			changed[path[0]] = value
		}
	}
	return changed, nil
}

// Properties returns the names of the properties that p touches, sorted.
func (p Patch) Properties() []string {
	names := make([]string, 0, len(p))
	for name := range p {
		names = append(names, split(name)[0])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// split returns the parts of a JSON pointer (RFC 6901) without its first slash.
func split(path string) []string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts
}

// nested reports whether one of the paths leads to a part of what another
// leads to.
func nested(paths [][]string) bool {
	paths = slices.SortedFunc(slices.Values(paths), slices.Compare)
	for i := 1; i < len(paths); i++ {
		if short := paths[i-1]; len(short) <= len(paths[i]) && slices.Equal(short, paths[i][:len(short)]) {
			return true
		}
	}
	return false
}

// put returns the object in raw with the member at path set to value, or taken
// away for null. It reports false where there is no object on the way.
func put(raw json.RawMessage, path []string, value json.RawMessage) (json.RawMessage, bool) {
	var object Object
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return nil, false
	}
	switch {
	case len(path) > 1:
		inner, has := object[path[0]]
		if !has {
			return nil, false
		}
		changed, ok := put(inner, path[1:], value)
		if !ok {
			return nil, false
		}
		object[path[0]] = changed
	case isNull(value):
		delete(object, path[0])
	default:
		object[path[0]] = value
	}
	out, err := json.Marshal(object)
	return out, err == nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
