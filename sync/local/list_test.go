package local

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"timbre/internal/office"
)

func TestVoicemailFilter(t *testing.T) {
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType,
		voicemail("v1", noon, office.Party{Number: "+525555550199", Name: "Luis Peña"}),
		voicemail("v2", noon.Add(time.Hour), office.Party{Number: "102", Name: "ANA LÓPEZ"}),
		voicemail("v3", noon.Add(2*time.Hour), office.Party{Number: "103"}))
	for name, c := range map[string]struct {
		f    Filter
		want string
	}{
		"all":               {Filter{}, "v3* v2* v1* "},
		"from is inside":    {Filter{From: noon.Add(time.Hour)}, "v3* v2* "},
		"to is outside":     {Filter{To: noon.Add(time.Hour)}, "v1* "},
		"accents and case":  {Filter{Text: "pena"}, "v1* "},
		"accent typed":      {Filter{Text: "lópez"}, "v2* "},
		"number as written": {Filter{Text: "55 5555-0199"}, "v1* "},
		"digits":            {Filter{Text: "10"}, "v3* v2* "},
		"a wildcard is not": {Filter{Text: "%"}, ""},
		"name and number":   {Filter{Text: "peña +52"}, "v1* "},
		"inside a word":     {Filter{Text: "opez"}, ""},
		"inside a number":   {Filter{Text: "5501"}, "v1* "},
		"both or nothing":   {Filter{Text: "peña 102"}, ""},
		"spaces alone":      {Filter{Text: "  "}, "v3* v2* v1* "},
		"limit":             {Filter{Limit: 1}, "v3* "},
	} {
		if got := ids(t, m, c.f); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestCallFilter(t *testing.T) {
	m := open(t, t.TempDir())
	fill(t, m, CallType,
		call("c1", noon, office.Incoming, office.Party{Number: "102"}),
		call("c2", noon.Add(1), office.Missed, office.Party{Number: "103"}),
		call("c3", noon.Add(time.Minute), office.Outgoing, office.Party{Number: "102"}))
	for name, c := range map[string]struct {
		f    Filter
		want string
	}{
		"all":                        {Filter{}, "c3 c2 c1 "},
		"incoming holds missed ones": {Filter{Kind: office.Incoming}, "c2 c1 "},
		"missed":                     {Filter{Kind: office.Missed}, "c2 "},
		"outgoing":                   {Filter{Kind: office.Outgoing}, "c3 "},
		"kind and text":              {Filter{Kind: office.Incoming, Text: "102"}, "c1 "},
	} {
		list, err := m.Calls(context.Background(), c.f)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, x := range list {
			got += string(x.ID) + " "
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// Pages must neither lose nor repeat a row, also where many have one time.
func TestPaging(t *testing.T) {
	m := open(t, t.TempDir())
	objects := []json.RawMessage{}
	for i := range 50 {
		objects = append(objects, call(office.ID(fmt.Sprintf("c%02d", i)), noon.Add(time.Duration(i/10)*time.Second), office.Incoming, office.Party{}))
	}
	fill(t, m, CallType, objects...)
	seen := map[office.ID]bool{}
	for f := (Filter{Limit: 7}); ; {
		page, err := m.Calls(context.Background(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			if seen[c.ID] {
				t.Fatalf("%s twice", c.ID)
			}
			seen[c.ID] = true
			f.After = c.Cursor()
		}
	}
	if len(seen) != 50 {
		t.Errorf("saw %d of 50", len(seen))
	}
}
