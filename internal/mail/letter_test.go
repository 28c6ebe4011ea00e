package mail

import (
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

func TestLetters(t *testing.T) {
	home := office.Company{Number: "+525555550100", Name: "Ejemplo", Region: "MX"}
	at := time.Date(2026, 11, 23, 20, 5, 9, 0, time.UTC)
	for _, c := range []struct {
		notice   office.Notice
		language office.Language
		subject  string
		body     []string // what must be in it
	}{
		{
			office.Notice{Kind: office.NoticeVoicemail, At: at, From: office.Party{Number: "+525555550123", Name: "Ana"}, Duration: office.Of(102 * time.Second), Attach: true},
			office.Spanish, "Mensaje de voz de Ana (55 5555 0123), 1:42",
			[]string{"Ana (55 5555 0123) te dejó", "23 de noviembre de 2026, 14:05", "Duración: 1:42", "adjunto", "*97"},
		},
		{
			office.Notice{Kind: office.NoticeVoicemail, At: at, Duration: office.Of(7 * time.Second)},
			office.English, "Voicemail from an unknown number, 0:07",
			[]string{"An unknown number left you", "23 November 2026, 14:05", "Length: 0:07"},
		},
		{
			office.Notice{Kind: office.NoticeVoicemail, At: at, From: office.Party{Name: "Ana"}},
			"", "Mensaje de voz de Ana, 0:00",
			[]string{"Ana te dejó"}, // no language: Spanish
		},
		{
			office.Notice{Kind: office.NoticeVoicemail, At: at, From: office.Party{Number: "+13055550100"}, Truncated: true},
			office.Spanish, "Mensaje de voz de (+1) 305 555 0100, 0:00",
			[]string{"está incompleto"},
		},
		{
			office.Notice{Kind: office.NoticeMailboxFull, Count: 90},
			office.Spanish, "Tu buzón de voz está al 90 %",
			[]string{"Borra"},
		},
		{
			office.Notice{Kind: office.NoticeWrongPIN, At: at, Count: 3, From: office.Party{Number: "102"}},
			office.English, "Failed attempts to open your mailbox",
			[]string{"3 wrong PINs", "from 102"},
		},
		{
			office.Notice{Kind: office.NoticeEmailChanged, At: at, Address: "new@example.com"},
			office.Spanish, "Cambió tu dirección de correo",
			[]string{"new@example.com"},
		},
		{
			office.Notice{Kind: office.NoticeEmergency, At: at, Extension: "101", Name: "Ana", Number: "911"},
			office.Spanish, "Llamada de emergencia de Ana (101)",
			[]string{"Ana (101) llamó", "911"},
		},
		{
			office.Notice{Kind: office.NoticeManyCalls, At: at, Extension: "101", Count: 21},
			office.English, "Many outside calls from 101",
			[]string{"101 made 21"},
		},
		{office.Notice{Kind: office.NoticeDisk, Count: 95}, office.English, "The server's disk is 95% full", []string{"95%"}},
		{office.Notice{Kind: office.NoticeClock}, office.Spanish, "Revisa el reloj del servidor", []string{"no se borra nada"}},
		{office.Notice{Kind: office.NoticeClock}, office.English, "Check the server's clock", []string{"nothing is deleted"}},
		{office.Notice{Kind: office.NoticeTest}, office.Spanish, "Prueba de correo de Timbre", []string{"funciona"}},
	} {
		l := write(c.notice, home, c.language)
		if l.subject != c.subject {
			t.Errorf("%s: subject %q", c.notice.Kind, l.subject)
		}
		for _, part := range append(c.body, "\n-- \nEjemplo\n") {
			if !strings.Contains(l.body, part) {
				t.Errorf("%s: %q is not in %q", c.notice.Kind, part, l.body)
			}
		}
		if strings.Contains(l.subject+l.body, "%!") {
			t.Errorf("%s: a format is wrong: %q %q", c.notice.Kind, l.subject, l.body)
		}
	}
}

func TestSchedule(t *testing.T) {
	created := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	now, tries := created, 1
	for {
		at, again := next(created, now, tries)
		if wait := at.Sub(now); wait < firstRetry || wait > lastRetry {
			t.Fatalf("try %d waits %v", tries, wait)
		}
		if !again {
			break
		}
		now, tries = at, tries+1
	}
	if age := now.Sub(created); age < patience-lastRetry || age > patience {
		t.Errorf("the last try is after %v", age)
	}
	if tries < 15 || tries > 25 {
		t.Errorf("%d tries in two days", tries)
	}
	if _, again := next(created, created.Add(30*24*time.Hour), leastTries-1); !again {
		t.Error("given up because the server was off")
	}
	if at, again := next(created, created, 1000); !again || at.Sub(created) != lastRetry {
		t.Errorf("many tries: %v %v", at, again)
	}
}
