package model

import (
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

func newLog(t *testing.T, b *bench, calls ...office.Call) *CallLog {
	t.Helper()
	c := NewCallLog(b.Desk, newBox(t, nil, calls))
	c.Reload()
	b.until("the rows", func() bool { return c.Loaded })
	return c
}

// shape writes the rows as heads and ids.
func (c *CallLog) shape() string {
	var s []string
	for _, r := range c.Rows {
		s = append(s, r.Heading+string(r.ID))
	}
	return strings.Join(s, " ")
}

const day = 24 * time.Hour

func TestCallLogShowsSevenDays(t *testing.T) {
	b := newBench(t, office.Spanish)
	c := newLog(t, b,
		call("c1", office.Outgoing, office.Answered, time.Hour), call("c2", office.Missed, office.NoAnswer, 2*time.Hour),
		call("c3", office.Incoming, office.Answered, day), call("c4", office.Missed, office.ToVoicemail, 6*day), call("c5", office.Missed, office.NoAnswer, 7*day))
	if got := c.shape(); got != "Hoy c1 c2 Ayer c3 Martes 17 de noviembre c4" {
		t.Errorf("rows %q", got)
	}
	if len(c.Missed) != 2 || !c.Missed[0].Equal(noon.Add(-2*time.Hour)) {
		t.Errorf("missed %v", c.Missed)
	}
	if c.From.Format(time.DateOnly) != "2026-11-17" || c.To.Format(time.DateOnly) != "2026-11-23" {
		t.Errorf("from %s to %s", c.From, c.To)
	}
	// The days go along with the calendar while the user has chosen none.
	b.Now = func() time.Time { return noon.Add(day) }
	c.Reload()
	b.until("the next day", func() bool { return c.shape() == "Ayer c1 c2 Domingo 22 de noviembre c3" })
}

func TestCallLogKinds(t *testing.T) {
	b := newBench(t, office.Spanish)
	c := newLog(t, b, call("c1", office.Outgoing, office.Answered, time.Hour), call("c2", office.Missed, office.NoAnswer, 2*time.Hour), call("c3", office.Incoming, office.Answered, 3*time.Hour))
	for kind, want := range map[office.CallKind]string{office.Incoming: "Hoy c2 c3", office.Outgoing: "Hoy c1", office.Missed: "Hoy c2", "": "Hoy c1 c2 c3"} {
		c.SetKind(kind)
		b.until(string(kind), func() bool { return c.shape() == want })
	}
}

func TestCallLogSearch(t *testing.T) {
	b := newBench(t, office.Spanish)
	c := newLog(t, b, call("c1", office.Outgoing, office.Answered, time.Hour), call("c2", office.Missed, office.NoAnswer, 10*day), call("c3", office.Incoming, office.Answered, 20*day))
	c.Search("03/11/2026", "13/11/2026")
	b.until("the chosen days", func() bool { return c.shape() == "Viernes 13 de noviembre c2 Martes 3 de noviembre c3" })
	for _, bad := range []struct{ from, to, key string }{{"ayer", "", "calllog.badDate"}, {"", "32/01/2026", "calllog.badDate"}, {"13/11/2026", "03/11/2026", "calllog.badRange"}} {
		c.Search(bad.from, bad.to)
		if c.Problem != b.Phrases.Say(bad.key) {
			t.Errorf("%v: %q", bad, c.Problem)
		}
	}
	c.Search("", "") // back to the seven days
	b.until("the seven days", func() bool { return c.shape() == "Hoy c1" })
	if c.Problem != "" {
		t.Errorf("problem %q", c.Problem)
	}
	// One day alone holds all of that day.
	c.Search("13/11/2026", "13/11/2026")
	b.until("one day", func() bool { return c.shape() == "Viernes 13 de noviembre c2" })
}

// A row says of a call that could not be made why, and what to do.
func TestCallLogSaysWhy(t *testing.T) {
	b := newBench(t, office.Spanish)
	lost := call("c1", office.Outgoing, office.Failed, time.Hour)
	lost.Reason = office.MinutesUsed
	c := newLog(t, b, lost, call("c2", office.Outgoing, office.Answered, 2*time.Hour))
	if r := c.Rows[1]; r.Outcome != "Sin minutos ese día" || r.Advice != "Llama otro día o pide más a tu administrador." || !r.Failed {
		t.Errorf("%+v", r)
	}
	if r := c.Rows[2]; r.Advice != "" {
		t.Errorf("%+v", r)
	}
}

func TestCallLogCallBack(t *testing.T) {
	b := newBench(t, office.Spanish)
	hidden := call("c2", office.Incoming, office.Declined, 2*time.Hour)
	hidden.Peer = office.Party{}
	c := newLog(t, b, call("c1", office.Outgoing, office.Answered, time.Hour), hidden)
	var dialled []office.Party
	c.OnDial = func(p office.Party) { dialled = append(dialled, p) }
	for _, id := range []office.ID{"c1", "c2", "", "no"} {
		c.CallBack(id)
	}
	if len(dialled) != 1 || dialled[0].Number != "102" {
		t.Errorf("dialled %v", dialled)
	}
}

// TestEveryOutcomeHasWords covers all outcomes on both sides, in both languages.
func TestEveryOutcomeHasWords(t *testing.T) {
	outcomes := []office.Outcome{"", office.Answered, office.AnsweredElsewhere, office.NoAnswer, office.Busy, office.Declined, office.Canceled, office.Failed, office.ToVoicemail, office.Forwarded}
	for _, lang := range languages {
		p := NewPhrasebook(lang)
		for _, o := range outcomes {
			for _, kind := range []office.CallKind{office.Outgoing, office.KindOf(o)} {
				words, _ := p.Outcome(call("c", kind, o, 0), "MX")
				if words == "" || strings.Contains(words, "outcome.") {
					t.Errorf("%s %s in %s: %q", kind, o, lang, words)
				}
			}
		}
	}
	p := NewPhrasebook(office.Spanish)
	for _, c := range []struct {
		call office.Call
		want string
		bad  bool
	}{
		{call("c", office.Outgoing, office.Answered, 0), "1:05", false},
		{call("c", office.Missed, office.ToVoicemail, 0), "Pasó al buzón", true},
		{office.Call{Kind: office.Incoming, Outcome: office.Failed, Reason: office.Interrupted}, "Se interrumpió", true},
		{office.Call{Kind: office.Outgoing, Outcome: office.Failed, Reason: "404"}, "El número no existe", true},
		{office.Call{Kind: office.Outgoing, Outcome: office.Failed, Reason: "408", AnsweredAt: &noon}, "Se cortó", true},
		{office.Call{Kind: office.Outgoing, Outcome: office.NoAnswer, Reason: office.NotPickedUp}, "No contestaste", false},
		{office.Call{Kind: office.Incoming, Outcome: office.Forwarded, ForwardedTo: "+525512345678"}, "Desviada a 55 1234 5678", false},
	} {
		if got, bad := p.Outcome(c.call, "MX"); got != c.want || bad != c.bad {
			t.Errorf("%q, %v; want %q, %v", got, bad, c.want, c.bad)
		}
	}
}
