package jmap

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestEventsTravel(t *testing.T) {
	var b bytes.Buffer
	sent := []Event{
		NewStateEvent("7", "acc", map[string]string{"Foo": "e.7"}),
		NewPingEvent(30),
	}
	for _, e := range sent {
		if _, err := e.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
	}
	var got []Event
	err := ReadEvents(&b, func(e Event) error { got = append(got, e); return nil })
	if err != io.EOF || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range sent {
		if got[i].ID != sent[i].ID || got[i].Name != sent[i].Name || !bytes.Equal(got[i].Data, sent[i].Data) {
			t.Errorf("sent %+v, got %+v", sent[i], got[i])
		}
	}
	var c StateChange
	if err := json.Unmarshal(got[0].Data, &c); err != nil || c.Type != "StateChange" || c.Changed["acc"]["Foo"] != "e.7" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestReadEvents(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want string // name=data of each event
		err  error
	}{
		"comment":         {": hello\n\nevent: a\ndata: 1\n\n", "a=1;", io.EOF},
		"carriage return": {"event: a\r\ndata: 1\r\n\r\n", "a=1;", io.EOF},
		"no space":        {"event:a\ndata:1\n\n", "a=1;", io.EOF},
		"two lines":       {"event: a\ndata: 1\ndata: 2\n\n", "a=1\n2;", io.EOF},
		"no data":         {"event: a\n\nevent: b\ndata\n\n", "b=;", io.EOF},
		"cut":             {"event: a\ndata: 1\n", "", io.EOF}, // an event without its end did not happen
		"long line":       {"data: " + strings.Repeat("x", maxEvent) + "\n\n", "", errEvent},
		"many lines":      {strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 100), "", errEvent},
	} {
		got := ""
		err := ReadEvents(strings.NewReader(c.in), func(e Event) error { got += e.Name + "=" + string(e.Data) + ";"; return nil })
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for id, want := range map[string]string{"7": "7", "a b": "a b", "a\x01b": "", "a\x00": "", strings.Repeat("x", maxEventID+1): ""} {
		got := "none"
		err := ReadEvents(strings.NewReader("id: "+id+"\ndata: 1\n\n"), func(e Event) error { got = e.ID; return nil })
		if got != want || err != io.EOF {
			t.Errorf("id %.20q is read as %.20q, %v", id, got, err)
		}
	}
	stop := errors.New("enough")
	if err := ReadEvents(strings.NewReader("data: 1\n\ndata: 2\n\n"), func(Event) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add([]byte(": hello\nid: 7\nevent: state\ndata: {\"a\":1}\n\n"))
	f.Add([]byte("data\r\n\r\nevent:ping\ndata:{}\ndata:{}\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if err := ReadEvents(bytes.NewReader(stream), func(e Event) error {
			if len(e.Data) > maxEvent {
				t.Errorf("an event of %d octets", len(e.Data))
			}
			return nil
		}); err == nil {
			t.Error("a stream ended without an error")
		}
	})
}
