package mail

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"timbre/internal/office"
)

// A letter is a notice in words: what its receiver reads.
type letter struct {
	subject string
	body    string // lines end with \n
}

// write puts a notice into words. Times and numbers are shown as company's people
// read them.
func write(n office.Notice, company office.Company, l office.Language) letter {
	w := words(l)
	at := w.date(n.At.In(company.Location()))
	who, extension := w.party(n.From, company), w.party(office.Party{Number: n.Extension, Name: n.Name}, company)
	var subject string
	var lines []string
	switch n.Kind {
	case office.NoticeVoicemail:
		length := clock(time.Duration(n.Duration))
		subject = fmt.Sprintf(w.voicemail.subject, who, length)
		lines = []string{fmt.Sprintf(w.voicemail.text, who), "", w.received + at, w.length + length, ""}
		if n.Truncated {
			lines = append(lines, w.truncated)
		}
		if n.Attach {
			lines = append(lines, w.attached)
		}
		lines = append(lines, w.listen)
	case office.NoticeMailboxFull:
		subject = fmt.Sprintf(w.full.subject, n.Count)
		lines = []string{fmt.Sprintf(w.full.text, n.Count)}
	case office.NoticeWrongPIN:
		subject = w.wrongPIN.subject
		lines = []string{fmt.Sprintf(w.wrongPIN.text, n.Count, who), "", at}
	case office.NoticeEmailChanged:
		subject = w.changed.subject
		lines = []string{fmt.Sprintf(w.changed.text, n.Address), "", at}
	case office.NoticeEmergency:
		subject = fmt.Sprintf(w.emergency.subject, extension)
		lines = []string{fmt.Sprintf(w.emergency.text, extension, n.Number), "", at}
	case office.NoticeManyCalls:
		subject = fmt.Sprintf(w.manyCalls.subject, extension)
		lines = []string{fmt.Sprintf(w.manyCalls.text, extension, n.Count), "", at}
	case office.NoticeDisk:
		subject = fmt.Sprintf(w.disk.subject, n.Count)
		lines = []string{fmt.Sprintf(w.disk.text, n.Count)}
	case office.NoticeClock:
		subject = w.clock.subject
		lines = []string{w.clock.text, "", at}
	case office.NoticeTest:
		subject = w.test.subject
		lines = []string{w.test.text}
	}
	lines[0] = capital(lines[0])
	lines = append(lines, "", "-- ", company.Name)
	return letter{subject: capital(strings.Join(strings.Fields(subject), " ")), body: strings.Join(lines, "\n") + "\n"}
}

// capital returns a sentence with a capital at its start.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// clock writes a length as minutes and seconds: 0:42.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
