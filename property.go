package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// A kind is what values a property has. Its name is also that of the text which
// says what may be written.
type kind string

// The kinds of properties.
const (
	yesNo    kind = "bool"
	seconds  kind = "seconds"
	cases    kind = "cases"
	phone    kind = "number"
	choice   kind = "choice"   // a number of a list
	tag      kind = "language" // of a language
	moment   kind = "time"
	text     kind = "text"
	greeting kind = "greeting" // only shown
	phones   kind = "numbers"  // only shown
)

// A property is one value of a group of preferences, by its JSON name.
type property struct {
	name     string
	kind     kind
	readOnly bool // it is shown, and changed elsewhere or by the administrator
}

// A preference is a group of properties, as the user names it.
type preference struct {
	name       string
	of         local.Type
	properties []property
}

// preferences are what `timbre prefs` shows and sets.
var preferences = []preference{
	{"voicemail", local.VoicemailSettingsType, []property{
		{"isEnabled", yesNo, false}, {"ringSeconds", seconds, false}, {"attachAudio", yesNo, false}, {"hasPin", yesNo, true}, {"greeting", greeting, true},
	}},
	{"forwarding", local.ForwardingSettingsType, []property{
		{"isEnabled", yesNo, false}, {"when", cases, false}, {"number", phone, false}, {"ringLocal", yesNo, false}, {"requireKey", yesNo, false},
	}},
	{"callerid", local.CallerIDSettingsType, []property{{"number", choice, false}, {"choices", phones, true}}},
	{"profile", local.ProfileType, []property{
		{"name", text, true}, {"extension", text, true}, {"companyNumber", phone, true}, {"email", text, false}, {"language", tag, false},
	}},
	{"availability", local.AvailabilityType, []property{{"dndUntil", moment, false}}},
}

// find returns the property of that name.
func (p preference) find(name string) (property, bool) {
	i := slices.IndexFunc(p.properties, func(x property) bool { return x.name == name })
	if i < 0 {
		return property{}, false
	}
	return p.properties[i], true
}

// settable returns the names of the properties that the user can change.
func (p preference) settable() (names []string) {
	for _, x := range p.properties {
		if !x.readOnly {
			names = append(names, x.name)
		}
	}
	return names
}

// yes and no are what people write for them, whatever their language.
var (
	yes = []string{"true", "yes", "on", "sí", "si"}
	no  = []string{"false", "no", "off"}
)

// parse returns the value that s spells, false where it is none of this kind. An
// empty s and null stand for no value, where there can be none. Times without a
// zone are local.
func (k kind) parse(s string, zone *time.Location) (value any, ok bool) {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "null") {
		s = ""
	}
	switch k {
	case yesNo:
		lower := strings.ToLower(s)
		return slices.Contains(yes, lower), slices.Contains(yes, lower) || slices.Contains(no, lower)
	case seconds:
		n, err := strconv.Atoi(s)
		return n, err == nil
	case cases:
		return parseCases(s)
	case phone, choice:
		if s == "" {
			return office.Number(""), true
		}
		n, err := office.ParseNumber(s)
		return n, err == nil
	case moment:
		if s == "" {
			return nil, true
		}
		return parseMoment(s, zone)
	}
	return s, k == text || k == tag && s != ""
}

func parseCases(s string) (any, bool) {
	set := office.WhenSet{}
	for c := range strings.SplitSeq(s, ",") {
		switch c := office.ForwardWhen(strings.TrimSpace(c)); c {
		case office.ForwardAlways, office.ForwardOffline, office.ForwardBusy, office.ForwardNoAnswer:
			set[c] = true
		case "":
		default:
			return nil, false
		}
	}
	return set, true
}

// parseMoment reads a time as RFC 3339 writes it, or shorter. Without a zone of its
// own it is in zone.
func parseMoment(s string, zone *time.Location) (any, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return nil, false
}

// none is shown where there is no value.
const none = "—"

// show writes the value of a property of t so that people can read it and, where
// they may change it, write it again.
func (o *options) show(t local.Type, name string, v json.RawMessage) string {
	k := text
	if i := slices.IndexFunc(preferences, func(p preference) bool { return p.of == t }); i >= 0 {
		if p, known := preferences[i].find(name); known {
			k = p.kind
		}
	}
	if len(v) == 0 || bytes.Equal(v, []byte("null")) || bytes.Equal(v, []byte(`""`)) {
		return none
	}
	switch k {
	case yesNo:
		return o.words.Say("cli.prefs.is." + string(v))
	case cases:
		return shownAs(v, func(w office.WhenSet) string { return strings.Join(plain(w.List()), ",") })
	case phone, choice:
		return shownAs(v, office.Number.Written)
	case phones:
		return shownAs(v, func(list []office.Number) string {
			var all []string
			for _, n := range list {
				all = append(all, n.Written())
			}
			return strings.Join(all, ", ")
		})
	case moment:
		return shownAs(v, func(t time.Time) string { return t.Local().Format(time.RFC3339) })
	case greeting:
		return shownAs(v, func(g office.Greeting) string {
			words := o.words.Say("cli.prefs.greeting." + string(g.Kind))
			if g.Until != nil {
				words += " " + o.words.Say("cli.prefs.greeting.until", "time", g.Until.Local().Format(time.RFC3339))
			}
			return words
		})
	}
	return shownAs(v, func(v any) string {
		if s, is := v.(string); is {
			return s
		}
		b, _ := json.Marshal(v)
		return string(b)
	})
}

// shownAs shows a T; what is none as it is.
func shownAs[T any](v json.RawMessage, show func(T) string) string {
	var value T
	if json.Unmarshal(v, &value) != nil {
		return string(v)
	}
	if s := show(value); s != "" {
		return s
	}
	return none
}

func plain[T ~string](list []T) (texts []string) {
	for _, v := range list {
		texts = append(texts, string(v))
	}
	return texts
}

// objectOf returns a JSON object by its properties; what is none has none.
func objectOf(b []byte) (o map[string]json.RawMessage) {
	if json.Unmarshal(b, &o) != nil {
		return nil
	}
	return o
}
