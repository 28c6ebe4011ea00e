package app

import (
	"encoding/json"

	"fyne.io/fyne/v2/lang"

	"timbre/assets"
	"timbre/internal/office"
)

// registerTranslations makes Fyne's own words (of its menus for text) those of
// the app's language, whatever the system's is: they are registered under the
// system's locale.
func registerTranslations(l office.Language) {
	b, err := assets.Translations.ReadFile("translations/" + string(l) + ".json")
	if err != nil {
		return
	}
	var all, own map[string]string
	if json.Unmarshal(b, &all) != nil {
		return
	}
	own = map[string]string{}
	for key, fyneKey := range fyneWords {
		own[fyneKey] = all[key]
	}
	if b, err = json.Marshal(own); err == nil {
		_ = lang.AddTranslationsForLocale(b, lang.SystemLocale())
	}
}

// fyneWords maps keys of the translations to those of Fyne's own texts that the
// app can show.
var fyneWords = map[string]string{
	"edit.cut": "Cut", "edit.copy": "Copy", "edit.paste": "Paste", "edit.selectAll": "Select all",
	"edit.undo": "Undo", "edit.redo": "Redo", "app.quit": "Quit",
}
