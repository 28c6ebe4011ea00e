package jmap

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A StateChange tells which types of which accounts have a new state
// (RFC 8620 §7.1).
type StateChange struct {
	Type    string                   `json:"@type"` // "StateChange"
	Changed map[ID]map[string]string `json:"changed"`
}

// An Event is one message of an event source. JMAP sends Name "state" with a
// StateChange, and "ping" with {"interval":SECONDS} (RFC 8620 §7.3).
type Event struct {
	ID   string // empty: keeps the last one
	Name string
	Data []byte
}

// NewStateEvent returns the event that announces the new states of one account.
func NewStateEvent(id string, account ID, states map[string]string) Event {
	data, _ := json.Marshal(StateChange{"StateChange", map[ID]map[string]string{account: states}}) // strings only
	return Event{ID: id, Name: "state", Data: data}
}

// NewPingEvent returns the event that keeps a connection alive, with the
// interval in seconds at which it is sent.
func NewPingEvent(interval int) Event {
	return Event{Name: "ping", Data: fmt.Appendf(nil, `{"interval":%d}`, interval)}
}

// WriteTo writes the event in the form of a text/event-stream. Data must not
// hold line ends, which JSON as Go writes it does not.
func (e Event) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if e.ID != "" {
		fmt.Fprintf(&b, "id: %s\n", e.ID)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", e.Name, e.Data)
	return b.WriteTo(w)
}

// maxEvent bounds one event in octets.
const maxEvent = 64 << 10

// errEvent ends a stream whose server sends more than an event may hold.
var errEvent = errors.New("reading events: one is too long")

// maxEventID bounds the id of an event in octets.
const maxEventID = 1 << 10

// isEventID reports whether an id can be sent back in a header.
func isEventID(id string) bool {
	return len(id) <= maxEventID && strings.IndexFunc(id, unicode.IsControl) < 0
}

// ReadEvents hands each event of a text/event-stream to got until the stream
// ends, got returns an error, or an event is too long. The end of the stream is
// io.EOF. Comments and fields that JMAP does not use are skipped, and so are ids that no
// header could hold.
func ReadEvents(r io.Reader, got func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), maxEvent)
	var e Event
	has := false
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if has {
				if err := got(e); err != nil {
					return err
				}
			}
			e, has = Event{}, false
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			if isEventID(value) {
				e.ID = value
			}
		case "event":
			e.Name = value
		case "data":
			if has {
				e.Data = append(e.Data, '\n')
			}
			has = true
			if e.Data = append(e.Data, value...); len(e.Data) > maxEvent {
				return errEvent
			}
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return errEvent
		}
		return err
	}
	return io.EOF
}
