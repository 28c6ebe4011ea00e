package mail

import (
	"fmt"
	"strings"
	"time"

	"timbre/internal/office"
)

// A letter is a notice in words: what its receiver reads.
type letter struct {
	subject string
	body    string // lines end with \n
}

// write puts a notice into words. Times are shown as they are at place.
func write(n office.Notice, company string, l office.Language, place *time.Location) letter {
	w := words(l)
	at := w.date(n.At.In(place))
	who, extension := w.party(n.From), w.party(office.Party{Number: n.Extension, Name: n.Name})
	var subject string
	var lines []string
	switch n.Kind {
	case office.NoticeVoicemail:
		length := clock(time.Duration(n.Duration))
		subject = fmt.Sprintf(w.voicemail.subject, who, length)
		lines = []string{fmt.Sprintf(w.voicemail.text, who), "", w.received + at, w.length + length, ""}
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
	lines = append(lines, "", "-- ", company)
	return letter{subject: subject, body: strings.Join(lines, "\n") + "\n"}
}

// clock writes a length as minutes and seconds: 0:42.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
