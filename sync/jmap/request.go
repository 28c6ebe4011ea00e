package jmap

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
)

// A Request is a list of method calls, answered in order (RFC 8620 §3.3).
type Request struct {
	Using      []string     `json:"using"`
	Calls      []Invocation `json:"methodCalls"`
	CreatedIDs map[ID]ID    `json:"createdIds,omitempty"`
}

// A Response holds the answers to a Request (RFC 8620 §3.4).
type Response struct {
	Answers      []Invocation `json:"methodResponses"`
	CreatedIDs   map[ID]ID    `json:"createdIds,omitempty"`
	SessionState string       `json:"sessionState"`

	walked int64 // octets read in following references
}

// An Invocation is a method call or the answer to one (RFC 8620 §3.2). It
// travels as an array of its three fields.
type Invocation struct {
	Name   string
	Args   json.RawMessage
	CallID string
}

// errInvocation is what makes a request no request.
var errInvocation = errors.New("an invocation is [name, arguments, call id]")

// MarshalJSON writes the array of three.
func (i Invocation) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]any{i.Name, i.Args, i.CallID})
}

// UnmarshalJSON reads the array of three; the arguments must be an object.
func (i *Invocation) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if json.Unmarshal(b, &parts) != nil || len(parts) != 3 || len(parts[1]) == 0 || parts[1][0] != '{' {
		return errInvocation
	}
	if !isString(parts[0], &i.Name) || !isString(parts[2], &i.CallID) {
		return errInvocation
	}
	i.Args = parts[1]
	return nil
}

func isString(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil
}

// ParseRequest reads a request body from anybody. It refuses what is not I-JSON
// (RFC 7493: UTF-8, no duplicate members, no lone surrogates) or nests deeper
// than maxDepth, what is not a Request, more than the limits allow, and
// capabilities in using other than Core and those given. The methods' arguments
// are left to Decode.
func ParseRequest(body []byte, limits Limits, capabilities ...string) (*Request, *Problem) {
	if int64(len(body)) > limits.MaxSizeRequest {
		return nil, TooLarge("maxSizeRequest")
	}
	if err := checkIJSON(body); err != nil {
		return nil, problem(NotJSON, err.Error())
	}
	var r Request
	err := read(body, map[string]func(json.RawMessage) error{ // others are of times to come
		"using":       into(&r.Using),
		"methodCalls": into(&r.Calls),
		"createdIds":  into(&r.CreatedIDs),
	})
	if err != nil || r.Using == nil || r.Calls == nil {
		return nil, problem(NotRequest, "the body is not a Request object")
	}
	if len(r.Calls) > limits.MaxCallsInRequest {
		return nil, TooLarge("maxCallsInRequest")
	}
	for _, c := range r.Using {
		if c != Core && !slices.Contains(capabilities, c) {
			return nil, problem(UnknownCapability, "the server does not know a capability in using")
		}
	}
	return &r, nil
}

// Call appends a method call with args marshalled and returns its call id, for
// ResultReference and Response.Find. It panics where args cannot be marshalled,
// which is a mistake of the program.
func (r *Request) Call(name string, args any) string {
	raw, err := json.Marshal(args)
	if err != nil {
		panic(err)
	}
	id := strconv.Itoa(len(r.Calls))
	r.Calls = append(r.Calls, Invocation{name, raw, id})
	return id
}

// Answer runs the calls in order and returns their answers. Result references and
// creation ids are resolved before do sees the arguments; Core/echo is answered
// here. An error of do that is not a MethodError is told to the client as serverFail
// without its text, and handed to failed, which may be nil. After the end of
// ctx the calls left get serverUnavailable, and requestTooLarge where the answers
// are together longer than four of the largest requests.
func (r *Request) Answer(ctx context.Context, limits Limits, do func(context.Context, Invocation) (any, error), failed func(Invocation, error)) *Response {
	res := &Response{Answers: make([]Invocation, 0, len(r.Calls)), CreatedIDs: maps.Clone(r.CreatedIDs)}
	made := CreationIDs(res.CreatedIDs)
	if made == nil { // not asked for, but kept for the calls that follow
		made = CreationIDs{}
	}
	for _, call := range r.Calls {
		answer, err := answer(ctx, res, made, limits, call, do)
		if err == nil {
			res.Answers = append(res.Answers, Invocation{call.Name, answer, call.CallID})
			continue
		}
		var refused *MethodError
		if !errors.As(err, &refused) {
			if failed != nil {
				failed(call, err)
			}
			refused = &MethodError{Type: ServerFail, Description: "the server could not do it; its log says why"}
		}
		raw, _ := json.Marshal(refused) // two strings
		res.Answers = append(res.Answers, Invocation{"error", raw, call.CallID})
	}
	return res
}

func answer(ctx context.Context, res *Response, made CreationIDs, limits Limits, call Invocation, do func(context.Context, Invocation) (any, error)) (json.RawMessage, error) {
	if ctx.Err() != nil {
		return nil, &MethodError{Type: ServerUnavailable}
	}
	args, refused := res.Resolve(call.Args, limits.MaxSizeRequest)
	if refused != nil {
		return nil, refused
	}
	size := int64(len(args))
	for _, a := range res.Answers {
		size += int64(len(a.Args))
	}
	if size > 4*limits.MaxSizeRequest {
		return nil, &MethodError{Type: RequestTooLarge}
	}
	if call.Name == "Core/echo" {
		return args, nil
	}
	result, err := do(ctx, Invocation{call.Name, made.resolve(args), call.CallID})
	if err != nil {
		return nil, err
	}
	if set, ok := result.(SetResponse); ok {
		made.Add(set.Created)
	}
	if got, ok := result.(GetResponse); ok { // it may be long
		return got.encode(), nil
	}
	return json.Marshal(result)
}

// Find reads the answer to the call with the given id into the value that into
// points to; members that into does not know are skipped. It returns the
// MethodError that the server sent instead, or another error where the answer
// is missing or is no such thing.
func (r *Response) Find(callID string, into any) error {
	for _, a := range r.Answers {
		if a.CallID != callID {
			continue
		}
		if a.Name == "error" {
			var refused MethodError
			if err := json.Unmarshal(a.Args, &refused); err != nil || refused.Type == "" {
				return errors.New("reading an answer: a method error without a type")
			}
			return &refused
		}
		var err error
		if got, ok := into.(*GetResponse); ok { // it may be long
			err = got.parse(a.Args)
		} else {
			err = json.Unmarshal(a.Args, into)
		}
		if err != nil {
			return errors.New("reading an answer: " + a.Name + " has the wrong form")
		}
		return nil
	}
	return errors.New("reading an answer: none for call " + callID)
}
