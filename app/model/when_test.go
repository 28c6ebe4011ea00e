package model

import (
	"testing"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/office"
)

func TestWhen(t *testing.T) {
	es, en := NewPhrasebook(office.Spanish), NewPhrasebook(office.English)
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, noon.Location()).UTC()
	}
	for _, c := range []struct {
		t         time.Time
		when, day string
		english   string
	}{
		{at(11, 23, 10, 42), "hoy 10:42", "Hoy", "today 10:42"},
		{at(11, 23, 0, 0), "hoy 00:00", "Hoy", "today 00:00"}, // midnight here is six o'clock in UTC
		{at(11, 22, 23, 59), "ayer 23:59", "Ayer", "yesterday 23:59"},
		{at(11, 16, 9, 10), "lun 16 nov 09:10", "Lunes 16 de noviembre", "Mon 16 Nov 09:10"},
		{at(11, 24, 9, 10), "mar 24 nov 09:10", "Martes 24 de noviembre", "Tue 24 Nov 09:10"}, // a server whose clock is ahead
		{at(1, 27, 9, 10), "27 ene 2026 09:10", "Martes 27 de enero de 2026", "27 Jan 2026 09:10"},
	} {
		if got := es.When(c.t, noon); got != c.when {
			t.Errorf("When = %q, want %q", got, c.when)
		}
		if got := es.Day(c.t, noon); got != c.day {
			t.Errorf("Day = %q, want %q", got, c.day)
		}
		if got := en.When(c.t, noon); got != c.english {
			t.Errorf("When = %q, want %q", got, c.english)
		}
	}
}

// The day before a day of 23 hours is still yesterday.
func TestYesterdayOverAShortDay(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 9, 0, 30, 0, 0, zone) // clocks went forward on the 8th
	if got := NewPhrasebook(office.Spanish).When(time.Date(2026, 3, 8, 0, 30, 0, 0, zone), now); got != "ayer 00:30" {
		t.Errorf("got %q", got)
	}
}

func TestLength(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0:00", 34 * time.Second: "0:34", 72 * time.Second: "1:12", time.Hour + 2*time.Minute + 3*time.Second: "1:02:03",
		-time.Second: "0:00", 59*time.Second + 600*time.Millisecond: "1:00",
	} {
		if got := Length(d); got != want {
			t.Errorf("Length(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	p := NewPhrasebook(office.Spanish)
	for s, want := range map[string]string{
		"16/11/2026": "2026-11-16", " 6/1/2026 ": "2026-01-06", "2026-11-16": "2026-11-16", "1-2-2026": "2026-02-01",
		"31/02/2026": "", "hoy": "", "": "", "16/11/26": "", "01/01/0001": "",
	} {
		got, ok := p.ParseDate(s, noon.Location())
		if ok != (want != "") || ok && (got.Format("2006-01-02") != want || got.Location() != noon.Location()) {
			t.Errorf("ParseDate(%q) = %s, %v", s, got, ok)
		}
	}
	if got := p.Date(noon); got != "23/11/2026" {
		t.Errorf("Date = %q", got)
	}
}

func TestNumber(t *testing.T) {
	p := NewPhrasebook(office.Spanish)
	for n, want := range map[office.Number]string{
		"102": "Ext. 102", "*43": "*43", "": "", "+525512345678": "55 1234 5678", "+522221234567": "222 123 4567",
		"5512345678": "55 1234 5678", "+13055550100": "(+1) 305 555 0100", "+33123456789": "(+33) 123 456 789",
		"+35312345": "(+353) 123 45", "+1": "(+1) ", "+": "(+) ", "001": "001", "00": "Ext. 00",
		// As it is dialled, and as it will stand in the log.
		"0013055550100": "(+1) 305 555 0100", "0033123456789": "(+33) 123 456 789", "525512345678": "55 1234 5678", "00525512345678": "55 1234 5678",
		"5215512345678": "55 1234 5678", "+5215512345678": "55 1234 5678", "015512345678": "55 1234 5678", "0445512345678": "55 1234 5678",
		// None of these is an extension.
		"911": "911", "112": "112", "060": "060", "040": "040", "*97": "*97",
	} {
		if got := p.Number(n, "MX"); got != want {
			t.Errorf("Number(%q) = %q, want %q", n, got, want)
		}
	}
	if got := p.Number("+13055550100", "US"); got != "305 555 0100" {
		t.Errorf("at home in the US: %q", got)
	}
	if RegionOf("+525555550100") != "MX" || RegionOf("+13055550100") != "US" || RegionOf("+34911234567") != office.DefaultRegion {
		t.Error("regions of companies")
	}
}

// In the United States a number is dialled in other ways.
func TestNumberElsewhere(t *testing.T) {
	p := NewPhrasebook(office.English)
	for n, want := range map[office.Number]string{
		"3055550100": "305 555 0100", "13055550100": "305 555 0100", "+13055550100": "305 555 0100",
		"011525512345678": "(+52) 55 1234 5678", "0015": "Ext. 0015", "411": "411", "030": "Ext. 030", "*431234567": "*431234567", "+123456789": "234 567 89", "1*43123456#": "1*43123456#",
	} {
		if got := p.Number(n, "US"); got != want {
			t.Errorf("Number(%q) = %q, want %q", string(n), got, want)
		}
	}
}

// TestNumberIsTheSameInTheLog asks the office what will stand there.
func TestNumberIsTheSameInTheLog(t *testing.T) {
	p := NewPhrasebook(office.Spanish)
	for _, region := range []office.Region{"MX", "US"} {
		for _, n := range []office.Number{
			"5555550100", "525555550100", "015555550100", "0445555550100", "0455555550100", "5215555550100", "+5215555550100", "00525555550100",
			"0013055550100", "+13055550100", "13055550100", "3055550100", "01113055550100", "011525555550100", "0033123456789", "040", "411",
		} {
			logged, _, err := dialplan.ParseOutside(string(n), region)
			if err != nil {
				continue // nobody has that number there
			}
			if got, want := p.Number(n, region), p.Number(logged, region); got != want {
				t.Errorf("%s in %s: %q while it is dialled, %q in the log", string(n), region, got, want)
			}
		}
	}
}

func TestNameAndUnder(t *testing.T) {
	for _, c := range []struct {
		who         office.Party
		name, under string
	}{
		{office.Party{}, "Número privado", ""},
		{office.Party{Number: "102"}, "Ext. 102", ""},
		{office.Party{Number: "102", Name: "Luis"}, "Luis", "Ext. 102"},
		{office.Party{Number: "911"}, "Emergencia 911", ""},
		{office.Party{Number: "+911"}, "Emergencia 911", ""},
		{office.Party{Number: "060"}, "Emergencia 060", ""},
		{office.Party{Number: "040"}, "040", ""}, // a service of the carriers
		{office.Party{Number: "*43"}, "Prueba de eco", "*43"},
		{office.Party{Number: "*97"}, "Buzón de Voz", "*97"},
		{office.Party{Number: "*98"}, "Otro Buzón de Voz", "*98"},
		{office.Party{Number: "*99"}, "*99", ""},
	} {
		p := NewPhrasebook(office.Spanish)
		if name, under := p.Name(c.who, "MX"), p.Under(c.who, "MX"); name != c.name || under != c.under {
			t.Errorf("%+v: %q, %q; want %q, %q", c.who, name, under, c.name, c.under)
		}
	}
}
