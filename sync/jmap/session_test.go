package jmap

import (
	"encoding/json"
	"testing"
)

func TestExpand(t *testing.T) {
	vars := map[string]string{"accountId": "a1", "name": "Ana & Luis/../x?.mp3", "type": "audio/mpeg"}
	for in, want := range map[string]string{
		"/d/{accountId}/{name}?accept={type}": "/d/a1/Ana%20%26%20Luis%2F..%2Fx%3F.mp3?accept=audio%2Fmpeg",
		"/plain":                              "/plain",
		"":                                    "",
		"/{blobId}":                           "!",
		"/{name":                              "!",
	} {
		got, err := Expand(in, vars)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func TestSessionLimits(t *testing.T) {
	s := Session{Capabilities: map[string]json.RawMessage{Core: json.RawMessage(`{"maxObjectsInGet":7,"maxSizeRequest":-1}`)}}
	if l := s.Limits(); l.MaxObjectsInGet != 7 || l.MaxSizeRequest != DefaultLimits.MaxSizeRequest || l.MaxCallsInRequest != DefaultLimits.MaxCallsInRequest {
		t.Errorf("%+v", l)
	}
	if l := (&Session{}).Limits(); l.MaxObjectsInSet != DefaultLimits.MaxObjectsInSet {
		t.Errorf("%+v", l)
	}
}
