package local

import "timbre/internal/office"

// csvWords are the words of an exported call log.
type csvWords struct {
	heads     [14]string
	kinds     map[office.CallKind]string
	outcomes  map[office.Outcome]string
	live, cut string // still going on; interrupted by a stop of the office
}

func wordsOf(l office.Language) csvWords {
	if l == office.English {
		return englishCSV
	}
	return spanishCSV
}

var spanishCSV = csvWords{
	heads: [14]string{
		"Fecha", "Hora", "Tipo", "Resultado", "Nombre", "Número", "Timbrado (s)", "Duración", "Contestó", "Desviada a",
		"Códec", "Pérdida (%)", "Variación (ms)", "Retardo (ms)",
	},
	kinds: map[office.CallKind]string{office.Incoming: "Entrante", office.Outgoing: "Saliente", office.Missed: "Perdida"},
	outcomes: map[office.Outcome]string{
		office.Answered: "Contestada", office.AnsweredElsewhere: "Contestada en otro equipo", office.NoAnswer: "No contestada",
		office.Busy: "Ocupado", office.Declined: "Rechazada", office.Canceled: "Cancelada", office.Failed: "No se pudo llamar",
		office.ToVoicemail: "Pasó al buzón", office.Forwarded: "Desviada",
	},
	live: "En curso", cut: "Se interrumpió",
}

var englishCSV = csvWords{
	heads: [14]string{
		"Date", "Time", "Kind", "Outcome", "Name", "Number", "Ringing (s)", "Duration", "Answered by", "Forwarded to",
		"Codec", "Loss (%)", "Jitter (ms)", "Delay (ms)",
	},
	kinds: map[office.CallKind]string{office.Incoming: "Incoming", office.Outgoing: "Outgoing", office.Missed: "Missed"},
	outcomes: map[office.Outcome]string{
		office.Answered: "Answered", office.AnsweredElsewhere: "Answered on another phone", office.NoAnswer: "Not answered",
		office.Busy: "Busy", office.Declined: "Declined", office.Canceled: "Canceled", office.Failed: "Could not call",
		office.ToVoicemail: "Went to voicemail", office.Forwarded: "Forwarded",
	},
	live: "In progress", cut: "Interrupted",
}

// kind returns the word for a kind; one that is not known stays as it is.
func (w csvWords) kind(k string) string {
	if s, ok := w.kinds[office.CallKind(k)]; ok {
		return s
	}
	return k
}

// outcome returns the words for how a call ended; an outcome that is not known
// stays as it is.
func (w csvWords) outcome(o string, cut bool) string {
	switch s, ok := w.outcomes[office.Outcome(o)]; {
	case o == "":
		return w.live
	case cut:
		return w.cut
	case ok:
		return s
	}
	return o
}
