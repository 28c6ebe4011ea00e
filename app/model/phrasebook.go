// Package model is what each page of the app shows and can do, without a
// window: plain Go, no toolkit. A model is told of changes, reads its rows from
// the local copy and keeps them as they will be drawn; a view draws it and
// calls its actions. Errors become words here, in Words alone.
//
// Every model belongs to one goroutine, that of the window. Work that waits
// runs elsewhere and comes back through Desk.Post.
package model

import (
	"encoding/json"
	"fmt"
	"strings"

	"timbre/assets"
	"timbre/internal/office"
)

// A Phrasebook holds every text of the app in one language. It does not change
// and is safe for concurrent use.
type Phrasebook struct {
	Language office.Language
	texts    map[string]string
}

// NewPhrasebook returns the texts of lang, those of office.Spanish where lang is
// none of ours.
func NewPhrasebook(lang office.Language) *Phrasebook {
	if lang != office.English {
		lang = office.Spanish
	}
	p := &Phrasebook{Language: lang}
	b, err := assets.Translations.ReadFile("translations/" + string(lang) + ".json")
	if err == nil {
		err = json.Unmarshal(b, &p.texts)
	}
	if err != nil {
		panic("embedded translations: " + err.Error()) // tested: the files are part of the binary
	}
	return p
}

// Say returns the text of key. The pairs are names and values for the braces in
// it: Say("line.offline", "time", "10:40"). A key that does not exist is returned
// as it is.
func (p *Phrasebook) Say(key string, pairs ...any) string {
	text, ok := p.texts[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+pairs[i].(string)+"}", fmt.Sprint(pairs[i+1]))
	}
	return text
}

// Count returns the text of key for n things: key.one or key.other.
func (p *Phrasebook) Count(key string, n int) string {
	if n == 1 {
		return p.Say(key+".one", "n", n)
	}
	return p.Say(key+".other", "n", n)
}

// LanguageOf returns the language for a locale such as "en_US.UTF-8" or "es":
// English for any English one, else office.Spanish.
func LanguageOf(locale string) office.Language {
	l := strings.ToLower(locale)
	if l == "en" || strings.HasPrefix(l, "en_") || strings.HasPrefix(l, "en-") || strings.HasPrefix(l, "en.") {
		return office.English
	}
	return office.Spanish
}

// Locale returns the locale that the environment asks for, by the rules of
// gettext: the first that is set of LANGUAGE, LC_ALL, LC_MESSAGES and LANG. It is
// empty where none is.
func Locale(getenv func(string) string) string {
	for _, name := range []string{"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			first, _, _ := strings.Cut(v, ":")
			return first
		}
	}
	return ""
}
