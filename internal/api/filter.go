package api

import (
	"encoding/json"
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
func readFilter(raw json.RawMessage) (f filter, refused *jmap.MethodError) {
	if len(raw) == 0 || string(raw) == "null" {
		return f, nil
	}
	if jmap.Decode(raw, &f) != nil || len(f.Text) > maxText {
		return f, &jmap.MethodError{Type: jmap.UnsupportedFilter}
	}
	return f, nil
}
