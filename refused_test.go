package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"timbre/sync/engine"
	"timbre/sync/local"
)

// TestRefusalsInWords holds what is said of changes that the server refused.
func TestRefusalsInWords(t *testing.T) {
	for _, c := range []struct {
		r      local.Refused
		es, en string
	}{
		{
			local.Refused{Type: local.VoicemailSettingsType, Action: local.SendGreeting, Reason: engine.FileDamaged, Mine: json.RawMessage(`{"greeting":{"kind":"own"}}`)},
			"Saludo: el servidor no aceptó el cambio. El archivo que esperaba en este equipo está dañado. Vuelve a enviarlo.",
			"Greeting: the server did not accept the change. The file that waited on this computer is damaged. Send it again.",
		},
		{
			local.Refused{Type: local.FaxType, Action: local.CreateFax, Reason: engine.FileTooLarge, Mine: json.RawMessage(`{"number":"+525512345678"}`)},
			"Fax a 55 1234 5678: no se pudo mandar: el archivo es demasiado grande para el servidor.",
			"Fax to 55 1234 5678: it could not be sent: the file is too large for the server.",
		},
		{
			local.Refused{Type: local.FaxType, Action: local.CreateFax, Reason: "unknownMethod", Mine: json.RawMessage(`[`)},
			"Un fax: no se pudo mandar: no se sabe por qué.",
			"A fax: it could not be sent: nobody knows why.",
		},
		{
			local.Refused{Type: local.VoicemailType, Action: local.Destroy, Reason: "forbidden"},
			"Un mensaje: el servidor no aceptó el cambio. Tu extensión no tiene permiso para eso. Pídelo a tu administrador.",
			"A message: the server did not accept the change. Your extension may not do that. Ask your administrator.",
		},
		{
			local.Refused{Type: local.CallerIDSettingsType, Action: local.Patch, Reason: "invalidProperties", Mine: json.RawMessage(`{"number":"+525512345678"}`)},
			"Identificador de Llamadas (number (+52) 55 1234 5678): el servidor no aceptó el cambio. El valor no es válido.",
			"Caller ID (number (+52) 55 1234 5678): the server did not accept the change. The value is not valid.",
		},
		{
			local.Refused{
				Seq: 7, Type: local.ForwardingSettingsType, Action: local.Patch, Reason: local.Conflict,
				Mine: json.RawMessage(`{"number":"102","isEnabled":true}`), Theirs: json.RawMessage(`{"number":"","isEnabled":false}`),
			},
			"Desvío de Llamadas: cambió en otro equipo mientras tanto. isEnabled: lo tuyo sí, en el servidor no; number: lo tuyo 102, en el servidor —.",
			"Call Forwarding: another device changed it meanwhile. isEnabled: yours yes, on the server no; number: yours 102, on the server —.",
		},
	} {
		for lang, want := range map[string]string{"es_MX.UTF-8": c.es, "en_US.UTF-8": c.en} {
			t.Setenv("LANG", lang)
			o := newOptions(strings.NewReader(""), io.Discard, io.Discard)
			if got := o.refusal(c.r, "MX"); got != want {
				t.Errorf("%s of %s:\n%s\nwant:\n%s", c.r.Reason, c.r.Type, got, want)
			}
		}
	}
}
