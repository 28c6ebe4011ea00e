package dialplan

import (
	"reflect"
	"testing"

	"timbre/internal/office"
)

// table is an office in Mexico with the extensions 101 and 102, whose main
// number rings nobody, and which has one number that rings both.
var table = numbering{
	region:       "MX",
	hasExtension: func(n office.Number) bool { return n == "101" || n == "102" || n == "5555" },
	isOwn: func(n office.Number) (office.Line, bool) {
		return line, n == line.Number
	},
}

var line = office.Line{Number: "+525555550123", Extensions: []office.Number{"101", "102"}}

func TestRoute(t *testing.T) {
	from := office.Extension{Number: "101"}.WithDefaults()
	for dialled, want := range map[string]Destination{
		"102":        {Extension, "102", "internal", true, office.Line{}},
		" 1-0 2":     {Extension, "102", "internal", true, office.Line{}}, // as pasted
		"101":        {Extension, "101", "internal", true, office.Line{}}, // one's own: the other devices ring
		"5555":       {Extension, "5555", "internal", true, office.Line{}},
		"*43":        {EchoTest, "*43", "internal", true, office.Line{}},
		"*97":        {OwnMenu, "*97", "internal", true, office.Line{}},
		"*98":        {OtherMenu, "*98", "internal", true, office.Line{}},
		"*8102":      {PickUp, "102", "internal", true, office.Line{}},
		"*8 102":     {PickUp, "102", "internal", true, office.Line{}},
		"conference": {Conference, "conference", "internal", true, office.Line{}},
		"vm-102":     {Voicemail, "102", "internal", true, office.Line{}},

		"vm-199":     {Kind: NotFound, Number: "199"},
		"vm-*43":     {Kind: NotFound, Number: "*43"},
		"vm-vm-102":  {},
		"vm-911":     {Kind: NotFound, Number: "911"},
		"vm-":        {},
		"199":        {Kind: NotFound, Number: "199"},
		"*8199":      {Kind: NotFound, Number: "*8199"},
		"*8":         {Kind: NotFound, Number: "*8"},
		"*44":        {Kind: NotFound, Number: "*44"},
		"*102":       {Kind: NotFound, Number: "*102"},
		"*111":       {Kind: NotFound, Number: "*111"}, // of a mobile's carrier
		"**43":       {Kind: NotFound, Number: "**43"},
		"#31#102":    {Kind: NotFound, Number: "#31#102"}, // a carrier's code would hide who calls
		"102#":       {Kind: NotFound, Number: "102#"},
		"ana":        {},
		"":           {},
		"+":          {},
		"1;drop":     {},
		"102@evil":   {},
		"Conference": {}, // user parts have case (RFC 3261 §19.1.4)

		// Outside, with whatever stands between the digits.
		"55 5555 0100":        {Outside, "+525555550100", "national", true, office.Line{}},
		"(55) 5555-0100":      {Outside, "+525555550100", "national", true, office.Line{}},
		"+52 (55) 5555.0100":  {Outside, "+525555550100", "national", true, office.Line{}},
		"00 33 1 23 45 67 89": {Outside, "+33123456789", "international", false, office.Line{}},
		"900 123 4567":        {Outside, "+529001234567", "premium", false, office.Line{}},
		"040":                 {Outside, "040", "national", true, office.Line{}},
		"020":                 {Outside, "020", "premium", false, office.Line{}}, // an operator connects calls to anywhere
		"090":                 {Outside, "090", "premium", false, office.Line{}},
		"030":                 {Outside, "030", "national", true, office.Line{}},
		"55 5555":             {Kind: NotFound, Number: "555555"}, // Mexico has no shorter local numbers any more
		"+52 55 5":            {Kind: NotFound, Number: "+52555"},
		"12345678901234567":   {Kind: NotFound, Number: "12345678901234567"},

		// One of the office's own: nothing leaves the office, whatever may be called.
		"5555550123":        {OwnLine, "+525555550123", "internal", true, line},
		"+52 1 5555 550123": {OwnLine, "+525555550123", "internal", true, line},
		"0052 55 5555 0123": {OwnLine, "+525555550123", "internal", true, line},

		// Help, however it is dialled.
		"911":   {Emergency, "911", "national", true, office.Line{}},
		"9-1-1": {Emergency, "911", "national", true, office.Line{}},
		"112":   {Emergency, "112", "national", true, office.Line{}},
		"+112":  {Emergency, "112", "national", true, office.Line{}},
		"066":   {Emergency, "066", "national", true, office.Line{}},
		"00911": {Emergency, "911", "national", true, office.Line{}},
		"52911": {Kind: NotFound, Number: "52911"}, // might be an extension

		"+52 911":    {Emergency, "911", "national", true, office.Line{}},
		"0052 911":   {Emergency, "911", "national", true, office.Line{}},
		"+52 066":    {Emergency, "066", "national", true, office.Line{}},
		"+1 911":     {Kind: NotFound, Number: "+1911"}, // another country's
		"+52 52 911": {Kind: NotFound, Number: "+5252911"},
		"+52 1 911":  {Kind: NotFound, Number: "+521911"},

		"999": {Kind: NotFound, Number: "999"}, // of another region
	} {
		if got := IsEmergency(dialled, table.region); got != (want.Kind == Emergency) {
			t.Errorf("IsEmergency(%q) = %t", dialled, got)
		}
		if got := route(from, dialled, table); !reflect.DeepEqual(got, want) {
			t.Errorf("route(%q) = %+v, want %+v", dialled, got, want)
		}
	}
}

// TestRights holds what each class opens, and what nobody can be refused.
func TestRights(t *testing.T) {
	calls := map[string]office.Class{
		"102": office.Internal, "vm-102": office.Internal, "*8102": office.Internal, "5555550123": office.Internal, "conference": office.Internal,
		"5555550100": office.National, "071": office.National, "+12125551234": office.International, "+881612345678": office.Premium,
	}
	for _, classes := range []office.Classes{"internal", "internal,national", "internal,international", "internal,national,international,premium", "national"} {
		from := office.Extension{Number: "101", Rights: office.Rights{Classes: classes}}
		for dialled, class := range calls {
			if d := route(from, dialled, table); d.Class != class || d.Allowed != classes.Has(class) {
				t.Errorf("who may call %s dials %s: %+v", classes, dialled, d)
			}
		}
		for _, dialled := range []string{"911", "*43", "*97", "*98"} {
			if d := route(from, dialled, table); !d.Allowed {
				t.Errorf("who may call %s dials %s: %+v", classes, dialled, d)
			}
		}
		if d := route(from, "199", table); d.Allowed {
			t.Errorf("what is nowhere is allowed: %+v", d)
		}
	}
}

// TestMainNumberWithoutLine: where the main number rings nobody of the office it
// may be another carrier's, and is called outside.
func TestMainNumberWithoutLine(t *testing.T) {
	if d := route(office.Extension{}.WithDefaults(), "55 5555 0199", table); d.Kind != Outside || d.Number != "+525555550199" {
		t.Errorf("got %+v", d)
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"102", "*43", "*8102", "vm-102", "+52 55", "vm-", "\x00", "conference", "911", "00 52 1 55 5555 0123", "+883140", "044 55 5555 0123", "0", "00", "+0"} {
		f.Add(s, "MX")
	}
	f.Add("011 52 55 5555 0123", "US")
	f.Add("+39 06 1234", "XX")
	f.Fuzz(func(t *testing.T, dialled, region string) {
		t1 := numbering{region: office.Region(region), hasExtension: office.Number.IsExtension, isOwn: table.isOwn}
		d := route(office.Extension{}.WithDefaults(), dialled, t1)
		switch d.Kind {
		case Extension, Voicemail, PickUp:
			if !d.Number.IsExtension() {
				t.Errorf("route(%q) = %v", dialled, d)
			}
		case Outside, OwnLine:
			if !d.Number.IsService(t1.region) && (d.Number[0] != '+' || len(d.Number) > 16) {
				t.Errorf("route(%q) = %v", dialled, d)
			}
			if again := route(office.Extension{}.WithDefaults(), string(d.Number), t1); !reflect.DeepEqual(again, d) {
				t.Errorf("route(%q) = %v, and from there %v", dialled, d, again)
			}
		case NotFound:
			if d.Allowed {
				t.Errorf("route(%q) = %v", dialled, d)
			}
		}
	})
}
