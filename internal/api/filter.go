package api

import (
	"encoding/json"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// A filter is a FilterCondition (RFC 8620 §5.5) as all lists understand it; a
// list refuses the fields that it does not have. Operators are not supported.
type filter struct {
	Kind   office.CallKind `json:"kind"`
	After  time.Time       `json:"after"`  // this time or later; zero: any
	Before time.Time       `json:"before"` // before this time; zero: any
	Text   string          `json:"text"`
	IsNew  *bool           `json:"isNew"`
	State  office.FaxState `json:"state"`
}

// maxText bounds a search text, in bytes.
const maxText = 256

// readFilter returns the filter in raw, the empty one for none or null.
// invalidArguments: a field has the wrong type; unsupportedFilter: there is no such
// field, or the text is too long.
func readFilter(raw json.RawMessage) (f filter, refused *jmap.MethodError) {
	if isNull(raw) {
		return f, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return f, jmap.Invalid("a filter is an object")
	}
	known := propertiesIn[filter]()[1:] // it has no id
	for name := range fields {
		if !slices.Contains(known, name) {
			return f, &jmap.MethodError{Type: jmap.UnsupportedFilter}
		}
	}
	if refused := jmap.Decode(raw, &f); refused != nil {
		return f, refused
	}
	if len(f.Text) > maxText {
		return f, &jmap.MethodError{Type: jmap.UnsupportedFilter}
	}
	return f, nil
}
