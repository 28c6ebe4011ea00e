package office

import (
	"encoding/json"
	"testing"
	"time"
)

func TestFaxStates(t *testing.T) {
	for s, want := range map[FaxState]struct{ finished, cancelable bool }{
		FaxQueued:    {false, true},
		FaxDialing:   {false, true},
		FaxSending:   {false, false}, // pages are on the wire
		FaxDelivered: {true, false},
		FaxFailed:    {true, false},
		FaxCanceled:  {true, false},
		FaxArrived:   {true, false},
		"":           {false, false},
	} {
		if s.IsFinished() != want.finished || s.IsCancelable() != want.cancelable {
			t.Errorf("%q: finished %v, cancelable %v", s, s.IsFinished(), s.IsCancelable())
		}
	}
}

func TestFaxType(t *testing.T) {
	for head, want := range map[string]string{
		"%PDF-1.7":          PDFType,
		"II*\x00\x08\x00":   TIFFType,
		"MM\x00*":           TIFFType,
		"II+\x00 a BigTIFF": "",
		"%PD":               "",
		"":                  "",
		"MZ":                "",
	} {
		if got := FaxType([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

// The names are those of the protocol.
func TestFaxTravels(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f := Fax{ID: "f1", Direction: FaxReceived, State: FaxArrived, CreatedAt: at, FinishedAt: &at, Error: &FaxError{"busy", "486"}}
	b, err := json.Marshal(f)
	const want = `{"id":"f1","clientRef":"","resendOf":"","direction":"in","number":"","name":"","isNew":false,"state":"received",` +
		`"blobId":"","size":0,"type":"","pages":0,"pagesDone":0,"attempts":null,"error":{"code":"busy","text":"486"},` +
		`"createdAt":"2026-11-23T12:00:00Z","finishedAt":"2026-11-23T12:00:00Z"}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
}
