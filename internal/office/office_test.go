package office

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Number
		err  bool
	}{
		{"102", "102", false},
		{" 55 1234-5678 ", "5512345678", false},
		{"(+52) 55 1234 5678", "+525512345678", false}, // as an address book writes it
		{"+52 (55) 1234.5678", "+525512345678", false},
		{"\u202a+52 55 1234 5678\u202c", "+525512345678", false}, // pasted with bidi marks
		{"*43", "*43", false},
		{"5+5", "", true},
		{"ana", "", true},
		{"", "", true},
		{"+", "", true},
		{"1;drop", "", true},
		{strings.Repeat("1", 33), "", true},
	} {
		got, err := ParseNumber(c.in)
		if got != c.want || (err != nil) != c.err {
			t.Errorf("ParseNumber(%q) = %q, %v", c.in, got, err)
		}
	}
}

func TestParseExtension(t *testing.T) {
	for in, ok := range map[string]bool{"10": true, "101": true, "654321": true, "1": false, "1234567": false, "911": false, "112": false, "066": false, "030": false, "040": false, "050": false, "079": false, "099": false, "0101": true, "030303": true, "10a": false, "*43": false} {
		if _, err := ParseExtension(in, "MX"); (err == nil) != ok {
			t.Errorf("ParseExtension(%q): %v", in, err)
		}
	}
	// Where the office is may not be known.
	for in, ok := range map[string]bool{"066": true, "110": true, "112": false, "911": false, "1": false} {
		if _, err := ParseExtension(in, ""); (err == nil) != ok {
			t.Errorf("ParseExtension(%q) of any region: %v", in, err)
		}
	}
}

func TestParseCompanyNumber(t *testing.T) {
	for in, want := range map[string]Number{
		"+52 55 5555 0100": "+525555550100", "5555550100": "+525555550100", "525555550100": "+525555550100",
		"0052 5555550100": "+525555550100", "12": "", "*43": "", "+1234567890123456": "",
	} {
		if got, _ := ParseCompanyNumber(in, "MX"); got != want {
			t.Errorf("ParseCompanyNumber(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"Ana López":             "Ana López",
		"  Ana \t\r\n López  ":  "Ana López",
		"evil\u202egnp.exe\x00": "evilgnp.exe",
		"\xff\xfeAna":           "Ana",
		strings.Repeat("é", 99): strings.Repeat("é", MaxName),
		" \r\n":                 "",
	} {
		if got := CleanName(in); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, want)
		}
		if got := CleanName(want); got != want {
			t.Errorf("CleanName is not idempotent on %q: %q", want, got)
		}
	}
}

func TestNumbersHideInLogs(t *testing.T) {
	if got := Number("+525555550123").LogValue().String(); got != "…23" {
		t.Errorf("logged as %q", got)
	}
}

func TestKindOf(t *testing.T) {
	for o, want := range map[Outcome]CallKind{
		Answered: Incoming, AnsweredElsewhere: Incoming, Declined: Incoming, Forwarded: Incoming, Failed: Incoming,
		NoAnswer: Missed, Busy: Missed, Canceled: Missed, ToVoicemail: Missed,
	} {
		if got := KindOf(o); got != want {
			t.Errorf("KindOf(%s) = %s, want %s", o, got, want)
		}
	}
}

func TestDurationTravelsAsSeconds(t *testing.T) {
	b, err := json.Marshal(Of(61*time.Second + 600*time.Millisecond))
	if err != nil || string(b) != "62" {
		t.Fatalf("%s, %v", b, err)
	}
	var d Duration
	if err := json.Unmarshal([]byte("62"), &d); err != nil || time.Duration(d) != 62*time.Second {
		t.Fatalf("%v, %v", d, err)
	}
	if err := json.Unmarshal([]byte(`"1m"`), &d); err == nil {
		t.Fatal("a string was taken for seconds")
	}
}

func TestIDValid(t *testing.T) {
	for id, want := range map[ID]bool{NewID(): true, "A-z_9": true, "": false, "a b": false, "a\x00": false, "é": false, ID(strings.Repeat("a", 256)): false} {
		if id.Valid() != want {
			t.Errorf("%.20q: valid %t", id, !want)
		}
	}
}

func TestIDIsAJMAPId(t *testing.T) {
	seen := map[ID]bool{}
	for range 1000 {
		id := NewID()
		if len(id) != 12 || strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz234567") != "" || seen[id] {
			t.Fatalf("bad id %q", id)
		}
		seen[id] = true
	}
}
