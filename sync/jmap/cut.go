package jmap

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// A page of a long history is read by encoding/json a dozen times over, once at
// least for each layer of the message. What is known to be valid JSON is cut
// into its parts here without being looked at again. The parts share the memory of
// the whole.

// errForm says that JSON is not of the form that it should be.
var errForm = errors.New("it has the wrong form")

// valueEnd returns the index behind the value of valid JSON that begins at i.
func valueEnd(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i = stringEnd(b, i); depth == 0 {
				return i
			}
			i--
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 { // of what holds a number
				return i
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// stringEnd returns the index behind the string that begins at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n + 1
		escapes := 0
		for k := i - 2; k >= 0 && b[k] == '\\'; k-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return len(b)
}

// each hands the parts of an array or object of valid JSON to part: its items, or
// its names and values one after the other. It returns errForm where open, [ or
// {, does not begin it.
func each(b []byte, open byte, part func(json.RawMessage) error) error {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] != open {
		return errForm
	}
	for i := 1; i < len(b); {
		switch b[i] {
		case ',', ':', ' ', '\t', '\r', '\n':
			i++
			continue
		case ']', '}':
			return nil
		}
		end := valueEnd(b, i)
		if err := part(b[i:end:end]); err != nil {
			return err
		}
		i = end
	}
	return errForm
}

// items returns the items of an array; those of null are none.
func items(b []byte) (list []json.RawMessage, err error) {
	if isNull(b) {
		return nil, nil
	}
	err = each(b, '[', func(item json.RawMessage) error {
		list = append(list, item)
		return nil
	})
	return list, err
}

// members hands the members of an object to each.
func members(b []byte, member func(name string, value json.RawMessage) error) error {
	var name json.RawMessage
	return each(b, '{', func(part json.RawMessage) error {
		if name == nil {
			name = part
			return nil
		}
		plain := strings.Trim(string(name), `"`)
		if strings.Contains(plain, `\`) && json.Unmarshal(name, &plain) != nil {
			return errForm
		}
		name = nil
		return member(plain, part)
	})
}

// read reads the members of valid JSON by the readers of their names; others are
// skipped.
func read(b []byte, readers map[string]func(json.RawMessage) error) error {
	return members(b, func(name string, value json.RawMessage) error {
		if set := readers[name]; set != nil {
			return set(value)
		}
		return nil
	})
}

// into returns a reader of a value of any type.
func into(v any) func(json.RawMessage) error {
	return func(raw json.RawMessage) error { return json.Unmarshal(raw, v) }
}

// Parse reads the body of an answer, which r's answers go on to share.
func (r *Response) Parse(body []byte) error {
	if !json.Valid(body) {
		return errForm
	}
	*r = Response{}
	return read(body, map[string]func(json.RawMessage) error{
		"createdIds":   into(&r.CreatedIDs),
		"sessionState": into(&r.SessionState),
		"methodResponses": func(raw json.RawMessage) error {
			all, err := items(raw)
			if err != nil {
				return err
			}
			for _, raw := range all {
				parts, err := items(raw)
				if err != nil || len(parts) != 3 || parts[1][0] != '{' {
					return errInvocation
				}
				a := Invocation{Args: parts[1]}
				if !isString(parts[0], &a.Name) || !isString(parts[2], &a.CallID) {
					return errInvocation
				}
				r.Answers = append(r.Answers, a)
			}
			return nil
		},
	})
}

// parse reads an answer to Foo/get out of valid JSON.
func (g *GetResponse) parse(args json.RawMessage) error {
	*g = GetResponse{}
	return read(args, map[string]func(json.RawMessage) error{
		"accountId": into(&g.AccountID),
		"state":     into(&g.State),
		"notFound":  into(&g.NotFound),
		"list": func(raw json.RawMessage) (err error) {
			g.List, err = items(raw)
			return err
		},
	})
}

// MarshalJSON writes the answers as they are.
func (r Response) MarshalJSON() ([]byte, error) {
	size := 0
	for _, a := range r.Answers {
		size += len(a.Args) + 64
	}
	b := append(make([]byte, 0, size+256), `{"methodResponses":[`...)
	for i, a := range r.Answers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(append(b, '['), a.Name)
		b = append(append(b, ','), a.Args...)
		b = append(appendValue(append(b, ','), a.CallID), ']')
	}
	b = append(b, ']')
	if r.CreatedIDs != nil {
		b = appendValue(append(b, `,"createdIds":`...), r.CreatedIDs)
	}
	return append(appendValue(append(b, `,"sessionState":`...), r.SessionState), '}'), nil
}

// encode returns the answer as JSON, its objects as they are.
func (g GetResponse) encode() json.RawMessage {
	size := 0
	for _, object := range g.List {
		size += len(object) + 1
	}
	b := appendValue(append(make([]byte, 0, size+32*len(g.NotFound)+256), `{"accountId":`...), g.AccountID)
	b = append(appendValue(append(b, `,"state":`...), g.State), `,"list":[`...)
	for i, object := range g.List {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, object...)
	}
	return append(appendValue(append(b, `],"notFound":`...), g.NotFound), '}')
}

// appendValue appends a string, a list or a map of strings.
func appendValue(b []byte, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // it always can be
	}
	return append(b, raw...)
}
