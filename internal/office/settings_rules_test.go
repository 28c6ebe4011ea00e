package office

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCheckVoicemailSettings(t *testing.T) {
	until := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	good := VoicemailSettings{IsEnabled: true, RingSeconds: 25, Greeting: Greeting{Kind: GreetingDefault}}
	for what, c := range map[string]struct {
		change func(*VoicemailSettings)
		want   error
	}{
		"as at first":           {func(*VoicemailSettings) {}, nil},
		"shortest":              {func(v *VoicemailSettings) { v.RingSeconds = 5 }, nil},
		"longest":               {func(v *VoicemailSettings) { v.RingSeconds = 60 }, nil},
		"too short":             {func(v *VoicemailSettings) { v.RingSeconds = 4 }, ErrRingTime},
		"too long":              {func(v *VoicemailSettings) { v.RingSeconds = 61 }, ErrRingTime},
		"backwards":             {func(v *VoicemailSettings) { v.RingSeconds = -25 }, ErrRingTime},
		"an overflow":           {func(v *VoicemailSettings) { v.RingSeconds = math.MaxInt }, ErrRingTime},
		"own":                   {func(v *VoicemailSettings) { v.Greeting = Greeting{Kind: GreetingOwn, BlobID: "b"} }, nil},
		"own, as before":        {func(v *VoicemailSettings) { v.Greeting = Greeting{Kind: GreetingOwn} }, nil},
		"temporary":             {func(v *VoicemailSettings) { v.Greeting = Greeting{Kind: GreetingTemporary, BlobID: "b", Until: &until} }, nil},
		"temporary without end": {func(v *VoicemailSettings) { v.Greeting = Greeting{Kind: GreetingTemporary} }, nil},
		"unknown":               {func(v *VoicemailSettings) { v.Greeting.Kind = "sung" }, ErrGreeting},
		"none":                  {func(v *VoicemailSettings) { v.Greeting.Kind = "" }, ErrGreeting},
		"default with a sound":  {func(v *VoicemailSettings) { v.Greeting.BlobID = "b" }, ErrGreeting},
		"own with an end":       {func(v *VoicemailSettings) { v.Greeting = Greeting{Kind: GreetingOwn, Until: &until} }, ErrGreeting},
		"not an id":             {func(v *VoicemailSettings) { v.Greeting = Greeting{Kind: GreetingOwn, BlobID: "../x"} }, ErrGreeting},
	} {
		v := good
		c.change(&v)
		if err := v.Check(); err != c.want {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

func TestCheckForwarding(t *testing.T) {
	always := WhenSet{ForwardAlways: true}
	for what, c := range map[string]struct {
		f    ForwardingSettings
		want error
	}{
		"off":                     {ForwardingSettings{}, nil},
		"off, with a number":      {ForwardingSettings{Number: "5512345678"}, nil},
		"to a mobile":             {ForwardingSettings{IsEnabled: true, When: always, Number: "+525512345678"}, nil},
		"to a colleague":          {ForwardingSettings{IsEnabled: true, When: always, Number: "102"}, nil},
		"in all cases":            {ForwardingSettings{IsEnabled: true, When: WhenSet{ForwardBusy: true, ForwardNoAnswer: true, ForwardOffline: true}, Number: "102"}, nil},
		"without a number":        {ForwardingSettings{IsEnabled: true, When: always}, ErrForwarding},
		"without a case":          {ForwardingSettings{IsEnabled: true, When: WhenSet{ForwardBusy: false}, Number: "102"}, ErrForwarding},
		"in a case of its own":    {ForwardingSettings{When: WhenSet{"raining": true}, Number: "102"}, ErrForwarding},
		"to itself":               {ForwardingSettings{IsEnabled: true, When: always, Number: "101"}, ErrNumber},
		"to itself, while off":    {ForwardingSettings{When: always, Number: "101"}, ErrNumber},
		"to the police":           {ForwardingSettings{IsEnabled: true, When: always, Number: "911"}, ErrNumber},
		"to the police, formerly": {ForwardingSettings{IsEnabled: true, When: always, Number: "066"}, ErrNumber},
		"to a code":               {ForwardingSettings{IsEnabled: true, When: always, Number: "*97"}, ErrNumber},
		"to a carrier's code":     {ForwardingSettings{IsEnabled: true, When: always, Number: "5512345678#"}, ErrNumber},
		"with spaces":             {ForwardingSettings{IsEnabled: true, When: always, Number: "55 1234 5678"}, ErrNumber},
		"to a name":               {ForwardingSettings{IsEnabled: true, When: always, Number: "ana"}, ErrNumber},
	} {
		if err := c.f.Check("101", "MX"); err != c.want {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

func TestForwards(t *testing.T) {
	all := []ForwardWhen{ForwardAlways, ForwardOffline, ForwardBusy, ForwardNoAnswer}
	for _, on := range all {
		f := ForwardingSettings{IsEnabled: true, Number: "102", When: WhenSet{on: true}}
		for _, c := range all {
			if got, want := f.Forwards(c), on == c || on == ForwardAlways; got != want {
				t.Errorf("set for %s, asked for %s: %t", on, c, got)
			}
		}
		off, nowhere := f, f
		off.IsEnabled, nowhere.Number = false, ""
		if off.Forwards(on) || nowhere.Forwards(on) {
			t.Errorf("%s forwards while off or without a number", on)
		}
	}
}

func TestWhenSetTravels(t *testing.T) {
	for in, want := range map[string][]ForwardWhen{
		`{"busy":true,"noAnswer":true}`:  {ForwardBusy, ForwardNoAnswer},
		`{"busy":true,"noAnswer":false}`: {ForwardBusy},
		`["offline","busy","busy"]`:      {ForwardBusy, ForwardOffline},
		`[]`:                             nil,
		`{}`:                             nil,
	} {
		var w WhenSet
		if err := json.Unmarshal([]byte(in), &w); err != nil || !reflect.DeepEqual(w.List(), want) {
			t.Errorf("%s: %v, %v", in, w.List(), err)
			continue
		}
		out, err := json.Marshal(w)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		var again WhenSet
		if err := json.Unmarshal(out, &again); err != nil || !reflect.DeepEqual(again.List(), want) || strings.Contains(string(out), "false") {
			t.Errorf("%s came back as %s, %v", in, out, err)
		}
	}
	if out, err := json.Marshal(WhenSet(nil)); err != nil || string(out) != "{}" {
		t.Errorf("no set: %s, %v", out, err)
	}
	for _, in := range []string{`"busy"`, `{"busy":1}`, `[1]`, `7`} {
		var w WhenSet
		if err := json.Unmarshal([]byte(in), &w); err == nil {
			t.Errorf("%s was taken for a set", in)
		}
	}
}

func TestDisturbable(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	before, after := now.Add(-time.Second), now.Add(time.Second)
	for what, c := range map[string]struct {
		until *time.Time
		want  bool
	}{"never": {nil, true}, "over": {&before, true}, "just over": {&now, true}, "still": {&after, false}} {
		if got := (Availability{DNDUntil: c.until}).Disturbable(now); got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}

func TestCheckQuality(t *testing.T) {
	for what, c := range map[string]struct {
		q    Quality
		want error
	}{
		"nothing":      {Quality{}, nil},
		"usual":        {Quality{Codec: "opus", Loss: 0.01, Jitter: 0.004, Delay: 0.08}, nil},
		"all lost":     {Quality{Loss: 1}, nil},
		"more than it": {Quality{Loss: 1.01}, ErrLimit},
		"negative":     {Quality{Jitter: -0.1}, ErrLimit},
		"no number":    {Quality{Delay: math.NaN()}, ErrLimit},
		"all known":    {Quality{Codec: "opus", Loss: 0.01, Concealed: 0.02, MOS: 4.2}, nil},
		"guessed more": {Quality{Concealed: 1.01}, ErrLimit},
		"too good":     {Quality{MOS: 5.1}, ErrLimit},
		"endless":      {Quality{Delay: math.Inf(1)}, ErrLimit},
		"long codec":   {Quality{Codec: strings.Repeat("x", 33)}, ErrLimit},
		"line break":   {Quality{Codec: "opus\r\n"}, ErrLimit},
	} {
		if err := c.q.Check(); err != c.want {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

func TestCheckLine(t *testing.T) {
	for what, c := range map[string]struct {
		l    Line
		want error
	}{
		"rings one":          {Line{Number: "+525555550123", Extensions: []Number{"101"}}, nil},
		"rings two":          {Line{Number: "+525555550123", Extensions: []Number{"101", "102"}}, nil},
		"fax":                {Line{Number: "+525555550123", Fax: true}, nil},
		"fax of somebody":    {Line{Number: "+525555550123", Fax: true, Extensions: []Number{"101"}}, nil},
		"menu":               {Line{Number: "+525555550123", Menu: true}, nil},
		"rings nobody":       {Line{Number: "+525555550123"}, ErrExtension},
		"twice the same":     {Line{Number: "+525555550123", Extensions: []Number{"101", "101"}}, ErrExtension},
		"no extension":       {Line{Number: "+525555550123", Extensions: []Number{"*97"}}, ErrExtension},
		"menu that rings":    {Line{Number: "+525555550123", Menu: true, Extensions: []Number{"101"}}, ErrExtension},
		"menu and fax":       {Line{Number: "+525555550123", Menu: true, Fax: true}, ErrExtension},
		"not E.164":          {Line{Number: "5555550123", Extensions: []Number{"101"}}, ErrNumber},
		"too short":          {Line{Number: "+52555", Extensions: []Number{"101"}}, ErrNumber},
		"too long":           {Line{Number: "+5255555501234567", Extensions: []Number{"101"}}, ErrNumber},
		"no country has a 0": {Line{Number: "+025555550123", Extensions: []Number{"101"}}, ErrNumber},
		"letters":            {Line{Number: "+52555555O123", Extensions: []Number{"101"}}, ErrNumber},
	} {
		if err := c.l.Check(); err != c.want {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

// TestStored has three minutes of telephone sound and what became of it.
func TestStored(t *testing.T) {
	v := Voicemail{Size: 720_000, Duration: Duration(MaxVoicemail)}
	if got := v.Stored(); got != 720_000+180*MasterBytes {
		t.Errorf("%d bytes", got)
	}
}

func TestMailboxFullness(t *testing.T) {
	for _, c := range []struct {
		m    Mailbox
		want int
		full bool
	}{
		{Mailbox{}, 0, false},
		{Mailbox{Messages: 89, Bytes: 1}, 89, false},
		{Mailbox{Messages: 99, Bytes: 5 << 20}, 99, false},
		{Mailbox{Messages: 100}, 100, true},
		{Mailbox{Messages: 3, Bytes: 90 << 20}, 90, false},
		{Mailbox{Messages: 3, Bytes: 100<<20 - 1}, 99, false},
		{Mailbox{Messages: 3, Bytes: 100 << 20}, 100, true},
		{Mailbox{Messages: 130}, 130, true}, // from before there was a limit
	} {
		if got := c.m.Fullness(); got != c.want || c.m.IsFull() != c.full {
			t.Errorf("%+v: %d %%, full %t", c.m, got, c.m.IsFull())
		}
	}
}

func TestShortCodes(t *testing.T) {
	for _, c := range []struct {
		n                  Number
		r                  Region
		emergency, service bool
	}{
		{"911", "MX", true, false},
		{"911", "XX", true, false}, // everywhere
		{"112", "GB", true, false},
		{"999", "GB", true, false},
		{"999", "MX", false, false},
		{"060", "MX", true, true},
		{"088", "MX", true, true},
		{"030", "MX", false, true},
		{"079", "MX", false, true},
		{"071", "US", false, false},
		{"411", "US", false, true},
		{"411", "MX", false, false},
		{"11", "US", false, false},
		{"0300", "MX", false, false},
		{"0*1", "MX", false, false},
		{"", "MX", false, false},
	} {
		if c.n.IsEmergency(c.r) != c.emergency || c.n.IsService(c.r) != c.service {
			t.Errorf("%s in %s: emergency %t, service %t", c.n, c.r, c.n.IsEmergency(c.r), c.n.IsService(c.r))
		}
	}
}
