package mail

import (
	"fmt"
	"time"

	"timbre/internal/office"
)

// A phrase is the subject and the text of one kind of notice, as formats.
type phrase struct{ subject, text string }

// A vocabulary is what letters are made of in one language.
type vocabulary struct {
	voicemail, full, wrongPIN, changed, emergency, manyCalls, disk, clock, test phrase

	received, length, truncated, attached, listen string
	unknown                                       string // who calls without a number
	date                                          func(time.Time) string
}

// words returns the vocabulary of l. Timbre writes Spanish unless told
// otherwise.
func words(l office.Language) *vocabulary {
	if l == office.English {
		return &english
	}
	return &spanish
}

// party names who called: name and number as far as they are known.
func (v *vocabulary) party(p office.Party, company office.Company) string {
	number := p.Number.WrittenAt(company.Number)
	switch {
	case p.Number == "" && p.Name == "":
		return v.unknown
	case p.Number == "" || p.Name == string(p.Number):
		return p.Name
	case p.Name == "":
		return number
	}
	return fmt.Sprintf("%s (%s)", p.Name, number)
}

var spanish = vocabulary{
	voicemail: phrase{"Mensaje de voz de %s, %s", "%s te dejó un mensaje de voz."},
	received:  "Recibido: ",
	length:    "Duración: ",
	truncated: "El mensaje está incompleto: la grabación se interrumpió.",
	attached:  "Va adjunto a este correo.",
	listen:    "Escúchalo en Timbre, o marca *97 desde tu extensión.",
	full: phrase{
		"Tu buzón de voz está al %d %%",
		"Tu buzón de voz está al %d %%. Cuando se llene, quienes te llamen ya no podrán dejarte mensajes. Borra los que no necesites.",
	},
	wrongPIN: phrase{
		"Intentos fallidos de entrar a tu buzón de voz",
		"Alguien marcó %d veces un PIN equivocado de tu buzón de voz, desde %s. Si no fuiste tú, cambia tu PIN.",
	},
	changed: phrase{
		"Cambió tu dirección de correo",
		"Los avisos de tu buzón de voz llegarán desde ahora a %s. Si no fuiste tú, avisa a tu administrador y cambia tu contraseña.",
	},
	emergency: phrase{"Llamada de emergencia de %s", "%s llamó al número de emergencia %s."},
	manyCalls: phrase{
		"Muchas llamadas externas de %s",
		"%s hizo %d llamadas externas en cinco minutos. Si no es lo normal, deshabilita la extensión: timbred extension disable.",
	},
	disk: phrase{
		"El disco del servidor está al %d %%",
		"El disco del servidor está al %d %%. Los mensajes de voz nuevos se rechazan hasta que haya espacio; las llamadas siguen funcionando.",
	},
	clock: phrase{
		"Revisa el reloj del servidor",
		"El reloj del servidor saltó más de un mes, o el servidor estuvo apagado todo ese tiempo. Durante un día no se borra nada por viejo. Si la hora de abajo no es la correcta, corrígela.",
	},
	test:    phrase{"Prueba de correo de Timbre", "Si lees esto, el correo de tu oficina funciona."},
	unknown: "un número desconocido",
	date: func(t time.Time) string {
		return fmt.Sprintf("%d de %s de %d, %s", t.Day(), months[t.Month()-1], t.Year(), t.Format("15:04"))
	},
}

// months are the Spanish names of the months, which package time does not know.
var months = [...]string{
	"enero", "febrero", "marzo", "abril", "mayo", "junio",
	"julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
}

var english = vocabulary{
	voicemail: phrase{"Voicemail from %s, %s", "%s left you a voicemail message."},
	received:  "Received: ",
	length:    "Length: ",
	truncated: "The message is not complete: its recording was interrupted.",
	attached:  "It is attached.",
	listen:    "Listen to it in Timbre, or dial *97 from your extension.",
	full: phrase{
		"Your mailbox is %d%% full",
		"Your mailbox is %d%% full. Once it is full, callers can leave no more messages. Delete those that you do not need.",
	},
	wrongPIN: phrase{
		"Failed attempts to open your mailbox",
		"Somebody entered %d wrong PINs for your mailbox, calling from %s. If that was not you, change your PIN.",
	},
	changed: phrase{
		"Your e-mail address was changed",
		"From now on, notices about your voicemail go to %s. If that was not you, tell your administrator and change your password.",
	},
	emergency: phrase{"Emergency call from %s", "%s called the emergency number %s."},
	manyCalls: phrase{
		"Many outside calls from %s",
		"%s made %d outside calls within five minutes. If that is not usual, disable the extension: timbred extension disable.",
	},
	disk: phrase{
		"The server's disk is %d%% full",
		"The server's disk is %d%% full. New voicemail messages are refused until there is room; calls go on.",
	},
	clock: phrase{
		"Check the server's clock",
		"The server's clock jumped by more than a month, or the server was off for that long. For a day nothing is deleted for its age. If the time below is wrong, correct it.",
	},
	test:    phrase{"Timbre mail test", "If you can read this, your office's e-mail works."},
	unknown: "an unknown number",
	date:    func(t time.Time) string { return t.Format("2 January 2006, 15:04") },
}
