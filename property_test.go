package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/sync/local"
)

// TestPropertiesAreThoseOfTheOffice compares the table with the nouns.
func TestPropertiesAreThoseOfTheOffice(t *testing.T) {
	nouns := map[local.Type]any{
		local.VoicemailSettingsType: office.VoicemailSettings{}, local.ForwardingSettingsType: office.ForwardingSettings{},
		local.CallerIDSettingsType: office.CallerIDSettings{}, local.ProfileType: office.Profile{}, local.AvailabilityType: office.Availability{},
	}
	for _, p := range preferences {
		b, err := json.Marshal(nouns[p.of])
		if err != nil {
			t.Fatal(err)
		}
		object := objectOf(b)
		for _, x := range p.properties {
			if _, has := object[x.name]; !has {
				t.Errorf("%s has no %s", p.of, x.name)
			}
			delete(object, x.name)
		}
		for name := range object {
			t.Errorf("%s of %s is not shown", name, p.of)
		}
		delete(nouns, p.of)
	}
	if len(nouns) > 0 {
		t.Errorf("%v are not shown", nouns)
	}
}

func TestEveryPropertyHasWords(t *testing.T) {
	for _, lang := range []string{"es_MX.UTF-8", "en_US.UTF-8"} {
		t.Setenv("LANG", lang)
		o := newOptions(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
		for _, p := range preferences {
			keys := []string{"refused.of." + string(p.of)}
			for _, x := range p.properties {
				keys = append(keys, "cli.prefs."+p.name+"."+x.name)
				if !x.readOnly {
					keys = append(keys, "cli.prefs.kind."+string(x.kind))
				}
			}
			for _, key := range keys {
				if o.words.Say(key) == key {
					t.Errorf("%s: nobody wrote %s", lang, key)
				}
			}
		}
	}
}

// TestEveryStateHasWords looks for the texts whose names are put together.
func TestEveryStateHasWords(t *testing.T) {
	var keys []string
	for _, code := range append(faxErrors, "other") {
		keys = append(keys, "fax.error."+code)
	}
	for _, s := range []office.PresenceState{office.Free, office.Ringing, office.InCall, office.DND, office.Offline} {
		keys = append(keys, "presence."+string(s))
	}
	for _, t := range []local.Type{local.VoicemailType, local.CallType, local.FaxType} {
		keys = append(keys, "refused.of."+string(t))
	}
	for _, t := range []local.Type{local.VoicemailType, local.FaxType, local.ExtensionType, local.ContactType} {
		keys = append(keys, "cli.search."+string(t))
	}
	for _, k := range []office.CallKind{office.Incoming, office.Outgoing, office.Missed} {
		keys = append(keys, "cli.search."+string(k))
	}
	for _, g := range []office.GreetingKind{office.GreetingDefault, office.GreetingOwn, office.GreetingTemporary} {
		keys = append(keys, "cli.prefs.greeting."+string(g))
	}
	for _, l := range []string{"cell", "work", "home", "fax", "pager", "car", "main"} {
		keys = append(keys, "cli.directory.label."+l)
	}
	for _, lang := range []office.Language{office.Spanish, office.English} {
		words := model.NewPhrasebook(lang)
		for _, key := range keys {
			if words.Say(key) == key {
				t.Errorf("%s: nobody wrote %s", lang, key)
			}
		}
	}
}

func TestValuesOfProperties(t *testing.T) {
	zone := time.FixedZone("CST", -6*3600)
	for _, c := range []struct {
		k    kind
		s    string
		want string // JSON; empty: refused
	}{
		{yesNo, "true", `true`},
		{yesNo, "Sí", `true`},
		{yesNo, "off", `false`},
		{yesNo, "", ""}, // there is always one of both
		{yesNo, "null", ""},
		{yesNo, "1", ""},
		{seconds, " 25 ", `25`},
		{seconds, "25s", ""},
		{seconds, "2.5", ""},
		{seconds, "", ""},
		{seconds, "99999999999999999999", ""},
		{cases, "busy, noAnswer", `{"busy":true,"noAnswer":true}`},
		{cases, "", `{}`},
		{cases, "busy,Busy", ""},
		{phone, "55 1234-5678", `"5512345678"`},
		{phone, "(+52) 55 1234 5678", `"+525512345678"`},
		{phone, "", `""`},
		{phone, "null", `""`},
		{phone, "ana", ""},
		{choice, "null", `""`},
		{text, "ana@example.com", `"ana@example.com"`},
		{text, "", `""`},
		{tag, "en", `"en"`},
		{tag, "", ""},
		{moment, "2026-11-30T09:00:00-05:00", `"2026-11-30T09:00:00-05:00"`},
		{moment, "2026-11-30T09:00", `"2026-11-30T09:00:00-06:00"`}, // here
		{moment, "2026-11-30 09:00:30", `"2026-11-30T09:00:30-06:00"`},
		{moment, "2026-11-30T09:00-06:00", `"2026-11-30T09:00:00-06:00"`},
		{moment, "", `null`},
		{moment, "null", `null`},
		{moment, "2026-11-30", ""}, // when on that day
		{moment, "2026-13-30T09:00", ""},
		{greeting, "own", ""},
		{phones, "102", ""},
	} {
		v, ok := c.k.parse(c.s, zone)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if ok != (c.want != "") || ok && string(b) != c.want {
			t.Errorf("%s %q: %s, %v; want %s", c.k, c.s, b, ok, c.want)
		}
	}
}

// What is shown of a property that can be changed may be typed as its value.
func TestShownValuesCanBeTyped(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.Local)
	for _, lang := range []string{"es_MX.UTF-8", "en_US.UTF-8"} {
		t.Setenv("LANG", lang)
		o := newOptions(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
		for _, settings := range []any{
			office.VoicemailSettings{IsEnabled: true, RingSeconds: 25},
			office.ForwardingSettings{When: office.WhenSet{office.ForwardBusy: true, office.ForwardOffline: true}, Number: "+525512345678"},
			office.ForwardingSettings{RequireKey: true, Number: "102"},
			office.CallerIDSettings{Number: "+13055550100"},
			office.Profile{Email: "ana@example.com", Language: office.English},
			office.Availability{DNDUntil: &now},
		} {
			b, err := json.Marshal(settings)
			if err != nil {
				t.Fatal(err)
			}
			object := objectOf(b)
			for _, p := range preferences {
				if "office."+string(p.of) != strings.Replace(reflect.TypeOf(settings).String(), "CallerID", "CallerId", 1) {
					continue
				}
				for _, name := range p.settable() {
					x, _ := p.find(name)
					shown := o.show(p.of, name, object[name])
					if shown == none {
						shown = ""
					}
					v, ok := x.kind.parse(shown, time.Local)
					again, err := json.Marshal(v)
					if !ok || err != nil || string(again) != string(object[name]) {
						t.Errorf("%s %s: %s is shown as %q, and that is %s", lang, name, object[name], shown, again)
					}
				}
			}
		}
	}
}
