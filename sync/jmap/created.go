package jmap

import (
	"bytes"
	"encoding/json"
	"strings"
)

// CreationIDs say which object a creation id stands for: the one made last under
// it, by this call or an earlier one of the same request (RFC 8620 §5.3).
type CreationIDs map[ID]ID

// Add enters what a /set has made.
func (m CreationIDs) Add(created map[ID]json.RawMessage) {
	for name, object := range created {
		var made struct {
			ID ID `json:"id"`
		}
		if json.Unmarshal(object, &made) == nil && made.ID != "" {
			m[name] = made.ID
		}
	}
}

// of returns what id stands for: itself, unless it is # and a creation id that is
// known.
func (m CreationIDs) of(id ID) ID {
	if name, is := strings.CutPrefix(string(id), "#"); is {
		if made, known := m[ID(name)]; known {
			return made
		}
	}
	return id
}

func (m CreationIDs) list(ids []ID) []ID {
	if ids == nil {
		return nil
	}
	out := make([]ID, len(ids))
	for i, id := range ids {
		out[i] = m.of(id)
	}
	return out
}

// Resolve puts the ids of objects in the place of the creation ids that a updates
// and destroys.
func (m CreationIDs) Resolve(a *SetArgs) {
	a.Destroy = m.list(a.Destroy)
	update := make(map[ID]Patch, len(a.Update))
	for id, patch := range a.Update {
		update[m.of(id)] = patch
	}
	a.Update = update
}

// resolve is Resolve for the arguments of any method: it looks at ids, update and
// destroy. What is not as it should be stays: the method refuses it.
func (m CreationIDs) resolve(args json.RawMessage) json.RawMessage {
	if len(m) == 0 || !bytes.Contains(args, []byte(`"#`)) {
		return args
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(args, &members) != nil {
		return args
	}
	for name, raw := range members {
		var value any
		switch name {
		case "ids", "destroy":
			var ids []ID
			if json.Unmarshal(raw, &ids) != nil {
				return args
			}
			value = m.list(ids)
		case "update":
			var update map[ID]json.RawMessage
			if json.Unmarshal(raw, &update) != nil || update == nil {
				return args
			}
			resolved := make(map[ID]json.RawMessage, len(update))
			for id, patch := range update {
				resolved[m.of(id)] = patch
			}
			value = resolved
		default:
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return args
		}
		members[name] = text
	}
	text, err := json.Marshal(members)
	if err != nil {
		return args
	}
	return text
}
