package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// hits returns what a search finds: people by name, the others by id.
func hits(t *testing.T, m *Mirror, text string, limit int) string {
	t.Helper()
	found, err := m.Search(context.Background(), text, limit)
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for _, h := range found {
		switch h.Type {
		case CallType:
			s += string(h.Call.ID)
		case VoicemailType:
			s += string(h.Voicemail.ID)
		case FaxType:
			s += string(h.Fax.ID)
		default:
			s += strings.ReplaceAll(h.Party.Name, " ", "_")
		}
		s += " "
	}
	return s
}

// searched is a mirror with a little of everything.
func searched(t *testing.T) *Mirror {
	m := open(t, t.TempDir())
	fill(t, m, ExtensionType,
		json.RawMessage(`{"id":"e1","number":"102","name":"Luis Peña"}`),
		json.RawMessage(`{"id":"e2","number":"0103","name":"María José Núñez"}`))
	if _, err := m.ImportContacts(context.Background(), strings.NewReader(cards("BEGIN:VCARD", "FN:Dentista López", "TEL:5512340000", "END:VCARD")), "MX"); err != nil {
		t.Fatal(err)
	}
	fill(t, m, CallType,
		call("c1", noon, office.Incoming, office.Party{Number: "+525512340000"}), // the dentist, whom the office does not know
		call("c2", noon.Add(time.Minute), office.Outgoing, office.Party{Number: "102", Name: "Luis Peña"}),
		call("c3", noon.Add(4*time.Minute), office.Missed, office.Party{Number: "+525599990199", Name: "Zoë Straße"}),
		call("c4", noon.Add(5*time.Minute), office.Missed, office.Party{}))
	fill(t, m, VoicemailType,
		voicemail("v1", noon.Add(2*time.Minute), office.Party{Number: "+525599990199", Name: "Zoë Straße"}),
		voicemail("v2", noon.Add(6*time.Minute), office.Party{Number: "0103"}))
	fill(t, m, FaxType,
		fax(office.Fax{ID: "f1", Number: "+525599990199", CreatedAt: noon.Add(3 * time.Minute)}),
		fax(office.Fax{ID: "f2", Number: "*97", CreatedAt: noon}))
	return m
}

func TestSearch(t *testing.T) {
	m := searched(t)
	for text, want := range map[string]string{
		"pena":                     "Luis_Peña c2 ",
		"PEÑA luis":                "Luis_Peña c2 ",
		"jose":                     "María_José_Núñez v2 ", // the second name; the message has only the number
		"ose":                      "",                     // not inside a word
		"strasse":                  "c3 v1 ",
		"9999 0199":                "c3 f1 v1 ", // a number as it is written
		"+52 55 9999-0199":         "c3 f1 v1 ",
		"99":                       "c3 f1 v1 ", // too short for the index
		"zoe 0199":                 "c3 v1 ",
		"zoe 0198":                 "",
		"dentista":                 "Dentista_López c1 ", // a contact names a number of the log
		"1234":                     "Dentista_López c1 ",
		"010":                      "María_José_Núñez v2 ",
		"*97":                      "f2 ",
		"\"*":                      "",
		"a OR b":                   "",
		"%":                        "",
		"  ":                       "",
		"":                         "",
		strings.Repeat("x ", 2000): "",
	} {
		if got := hits(t, m, text, 10); got != want {
			t.Errorf("%.20q: got %q, want %q", text, got, want)
		}
	}
	if got := hits(t, m, "99", 2); got != "c3 f1 " {
		t.Errorf("the newest two: %q", got)
	}
	for limit, want := range map[int]string{
		1: "Luis_Peña ", 2: "Luis_Peña v2 ", 3: "Luis_Peña María_José_Núñez v2 ", 4: "Luis_Peña María_José_Núñez v2 c2 ",
	} {
		if got := hits(t, m, "10", limit); got != want {
			t.Errorf("at most %d: %q, want %q", limit, got, want)
		}
	}
	if got := hits(t, m, "99", 0); got != "" {
		t.Errorf("none: %q", got)
	}
}

// A word that means very many parties walks the log instead: it finds the same.
func TestSearchForWhatManyAreCalled(t *testing.T) {
	m := open(t, t.TempDir())
	var objects []json.RawMessage
	for i := range sought + 10 {
		objects = append(objects, call(office.ID(fmt.Sprintf("c%04d", i)), noon.Add(time.Duration(i)*time.Second), office.Missed, office.Party{Number: office.Number(fmt.Sprintf("+5255%08d", i)), Name: "Ana"}))
	}
	fill(t, m, CallType, objects...)
	for _, text := range []string{"ana", "525", "5"} {
		if got := hits(t, m, text, 2); got != "c2009 c2008 " {
			t.Errorf("%q: %q", text, got)
		}
	}
	list, err := m.Calls(context.Background(), Filter{Text: "ana", Kind: office.Incoming, After: Cursor{noon.Add(5 * time.Second), "c0005"}, Limit: 3})
	if err != nil || len(list) != 3 || list[0].ID != "c0004" {
		t.Errorf("%+v, %v", list, err)
	}
}

// A call that is gone from the server is found no more, and neither is its caller.
func TestSearchForgets(t *testing.T) {
	m := searched(t)
	fill(t, m, CallType, call("c9", noon, office.Missed, office.Party{Number: "102"}))
	fill(t, m, VoicemailType)
	fill(t, m, FaxType)
	if got := hits(t, m, "strasse", 10); got != "" {
		t.Errorf("got %q", got)
	}
	var n int
	if err := m.data().QueryRow(context.Background(), `SELECT count(*) FROM party`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d parties, %v", n, err)
	}
	fill(t, m, CallType, call("c9", noon, office.Missed, office.Party{Number: "102", Name: "Zoë"}))
	if got := hits(t, m, "zoe", 10); got != "c9 " {
		t.Errorf("got %q", got)
	}
}

func TestNamesOfNumbers(t *testing.T) {
	ctx := context.Background()
	m := searched(t)
	for number, want := range map[office.Number]string{"102": "Luis Peña", "+525512340000": "Dentista López", "999": ""} {
		if got, err := m.Name(ctx, number); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", string(number), got, err, want)
		}
	}
	if v, err := m.Voicemail(ctx, "v2"); v.From.Name != "María José Núñez" || err != nil {
		t.Errorf("%+v, %v", v, err)
	}
	calls, err := m.Calls(ctx, Filter{})
	if err != nil || len(calls) != 4 || calls[3].Peer.Name != "Dentista López" || calls[1].Peer.Name != "Zoë Straße" || calls[0].Peer.Name != "" {
		t.Errorf("%+v, %v", calls, err)
	}
	if _, err := m.ImportContacts(ctx, strings.NewReader(cards("BEGIN:VCARD", "FN:Mi Luis", "TEL:102", "END:VCARD")), "MX"); err != nil {
		t.Fatal(err)
	}
	if got, _ := m.Name(ctx, "102"); got != "Luis Peña" {
		t.Errorf("the office knows its own: %q", got)
	}
}

func TestDirectory(t *testing.T) {
	ctx := context.Background()
	m := searched(t)
	for text, want := range map[string]int{"": 2, "luis": 1, "10": 2, "nadie": 0, "nun": 1} {
		if list, err := m.Directory(ctx, text); len(list) != want || err != nil {
			t.Errorf("%q: %+v, %v", text, list, err)
		}
	}
	if list, err := m.Directory(ctx, ""); err != nil || list[0] != (office.Entry{ID: "e1", Number: "102", Name: "Luis Peña"}) {
		t.Errorf("%+v, %v", list, err)
	}
	if err := m.Apply(ctx, Page{Type: ExtensionType, Since: "1", State: "2", Objects: []json.RawMessage{json.RawMessage(`{"id":"e2","number":"0103","name":"Otra"}`)}, Destroyed: []office.ID{"e1"}}); err != nil {
		t.Fatal(err)
	}
	if list, err := m.Directory(ctx, ""); err != nil || len(list) != 1 || list[0].Name != "Otra" {
		t.Errorf("%+v, %v", list, err)
	}
}

// The index reads what people type, whatever it is.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"ana", "\"", "a* OR -b NEAR/2 c", "+52 (55)", "\x00", "ﬁ ǅ"} {
		f.Add(s)
	}
	m, err := Open(context.Background(), f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { m.Close() })
	err = m.Replace(context.Background(), CallType, "1", []json.RawMessage{call("c1", noon, office.Missed, office.Party{Number: "+525512345678", Name: "Ana López"})})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := m.Search(context.Background(), text, 5); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
