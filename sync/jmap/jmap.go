// Package jmap is JMAP Core as it travels (RFC 8620): the session object,
// requests and responses, result references, the standard methods' arguments
// and answers, errors, and the event source. It knows no product types, whose
// objects stay json.RawMessage here, and opens no connection. The server's door
// (internal/api) reads requests with ParseRequest and answers them with
// Request.Answer; the client (sync/engine) builds them with Request.Call and
// reads Response.
package jmap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Core is the capability of JMAP Core, which every request uses.
const Core = "urn:ietf:params:jmap:core"

// Media types of the wire.
const (
	RequestType = "application/json"
	ProblemType = "application/problem+json"
	EventType   = "text/event-stream"
)

// An ID is a JMAP Id (RFC 8620 §1.2).
type ID string

// Decode reads a method's arguments into the struct that into points to. Member
// names are compared exactly; an unknown member, a wrong type or anything but an
// object is a MethodError invalidArguments.
func Decode(args json.RawMessage, into any) *MethodError {
	var members map[string]json.RawMessage
	if json.Unmarshal(args, &members) != nil || members == nil {
		return Invalid("the arguments are not an object")
	}
	known := names(reflect.TypeOf(into).Elem())
	for name := range members { // encoding/json alone would fold case
		if !known[name] {
			return Invalid(fmt.Sprintf("unknown argument %.40q", name))
		}
	}
	d := json.NewDecoder(bytes.NewReader(args))
	d.DisallowUnknownFields() // inside nested objects
	if d.Decode(into) != nil {
		return Invalid("an argument has the wrong type")
	}
	if _, err := d.Token(); err != io.EOF {
		return Invalid("the arguments are not one object")
	}
	return nil
}

// names returns the member names of a struct type by its json tags.
func names(t reflect.Type) map[string]bool {
	m := map[string]bool{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			m[name] = true
		}
	}
	return m
}
