package model

import (
	"context"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/local"
)

// A Log is what the call log page needs of the engine. *engine.Engine is one.
type Log interface {
	Calls(ctx context.Context, f local.Filter) ([]local.Call, error)
}

// DefaultDays is how many days the call log shows until the user asks for others.
const DefaultDays = 7

// A LogRow is one row of the call log: the heading of a day, or a call in words.
type LogRow struct {
	Heading string // of a day; the other fields are empty then

	ID      office.ID
	Kind    office.CallKind
	Party   office.Party
	Name    string // first line
	Under   string // second line
	When    string
	Outcome string // words, or the length of an answered call
	Advice  string // what to do about a call that could not be made; empty for others
	Failed  bool   // the outcome is one to look at: missed or failed
}

// A CallLog is the page of calls, newest first, under a heading for each day.
type CallLog struct {
	Rows     []LogRow
	Loaded   bool
	Kind     office.CallKind // shown; empty for all
	From, To time.Time       // first and last day shown, at midnight
	Problem  string          // what is wrong with the dates, or with reading
	InTo     bool            // Problem is about the last day, not the first
	Missed   []time.Time     // when calls were missed in the last DefaultDays days, newest first

	OnChange func()
	OnDial   func(office.Party)

	desk   *Desk
	log    Log
	chosen bool // the user chose the days; else they follow the calendar
	limit  int
	full   bool
	turn   int // counts reads: only the last one counts
}

// NewCallLog returns the page of the last seven days, empty until Reload.
func NewCallLog(desk *Desk, log Log) *CallLog {
	c := &CallLog{desk: desk, log: log, limit: local.DefaultLimit}
	c.follow()
	return c
}

// follow moves the days along with the calendar until the user chooses some.
func (c *CallLog) follow() {
	if !c.chosen {
		c.To = midnight(c.desk.Now())
		c.From = c.To.AddDate(0, 0, 1-DefaultDays)
	}
}

// SetKind shows calls of one kind; empty is all of them.
func (c *CallLog) SetKind(k office.CallKind) {
	c.Kind, c.limit = k, local.DefaultLimit
	c.Reload()
}

// Search shows the days from–to, as typed. An empty field is the default.
func (c *CallLog) Search(from, to string) {
	p := c.desk.Phrases
	c.chosen = from != "" || to != ""
	c.follow()
	first, last := c.From, c.To
	for _, f := range []struct {
		text string
		day  *time.Time
	}{{from, &first}, {to, &last}} {
		if f.text == "" {
			continue
		}
		t, ok := p.ParseDate(f.text, c.desk.Now().Location())
		if !ok {
			c.Problem, c.InTo = p.Say("calllog.badDate"), f.day == &last
			changed(c.OnChange)
			return
		}
		*f.day = t
	}
	if last.Before(first) {
		c.Problem, c.InTo = p.Say("calllog.badRange"), false
		changed(c.OnChange)
		return
	}
	today := midnight(c.desk.Now())
	c.chosen = !last.Equal(today) || !first.Equal(today.AddDate(0, 0, 1-DefaultDays))
	c.From, c.To, c.Problem, c.limit = first, last, "", local.DefaultLimit
	c.Reload()
}

// Reload reads the rows again.
func (c *CallLog) Reload() {
	c.follow()
	c.turn++
	turn, limit := c.turn, c.limit
	shown := local.Filter{Kind: c.Kind, From: c.From, To: c.To.AddDate(0, 0, 1), Limit: limit}
	missed := local.Filter{Kind: office.Missed, From: midnight(c.desk.Now()).AddDate(0, 0, 1-DefaultDays)}
	c.desk.Go(func(ctx context.Context) func() {
		rows, err := c.log.Calls(ctx, shown)
		var lost []local.Call
		if err == nil {
			lost, err = c.log.Calls(ctx, missed)
		}
		return func() {
			if turn != c.turn {
				return
			}
			if err != nil {
				c.desk.Log.Error("reading calls", "err", err)
				c.Problem, c.InTo = c.desk.Phrases.Words(err), false
				changed(c.OnChange)
				return
			}
			c.Missed = nil
			for _, m := range lost {
				c.Missed = append(c.Missed, m.StartedAt)
			}
			c.loaded(rows, limit)
		}
	})
}

// More reads further rows if there are any; the page calls it near the end.
func (c *CallLog) More() {
	if c.full {
		c.full = false
		c.limit += local.DefaultLimit
		c.Reload()
	}
}

func (c *CallLog) loaded(calls []local.Call, limit int) {
	p, now := c.desk.Phrases, c.desk.Now()
	c.Rows, c.Loaded, c.full = nil, true, len(calls) >= limit
	day := ""
	for _, call := range calls {
		if d := p.Day(call.StartedAt, now); d != day {
			day = d
			c.Rows = append(c.Rows, LogRow{Heading: d})
		}
		words, failed := p.Outcome(call.Call, c.desk.Region)
		_, advice, _ := strings.Cut(p.Failure(call.Call), ". ")
		c.Rows = append(c.Rows, LogRow{
			ID: call.ID, Kind: call.Kind, Party: call.Peer, Name: p.Name(call.Peer, c.desk.Region), Under: p.Under(call.Peer, c.desk.Region),
			When: p.When(call.StartedAt, now), Outcome: words, Advice: advice, Failed: failed,
		})
	}
	changed(c.OnChange)
}

// CallBack dials the other side of a call.
func (c *CallLog) CallBack(id office.ID) {
	for _, r := range c.Rows {
		if r.ID == id && r.Heading == "" && r.Party.Number != "" && c.OnDial != nil {
			c.OnDial(r.Party)
			return
		}
	}
}

// Outcome says how a call ended: its length where people talked, else words.
// bad is true for what the user may want to act on: missed and failed calls.
func (p *Phrasebook) Outcome(c office.Call, r office.Region) (words string, bad bool) {
	bad = c.Kind == office.Missed || c.Outcome == office.Failed
	switch {
	case c.Outcome == "":
		return p.Say("outcome.live"), false
	case c.Outcome == office.Answered:
		return Length(time.Duration(c.Duration)), false
	case c.Outcome == office.Failed && c.Reason == office.Interrupted:
		return p.Say("outcome.interrupted"), true
	case c.Outcome == office.Failed && (c.Kind != office.Outgoing || c.AnsweredAt != nil):
		return p.Say("outcome.cut"), true
	case c.Outcome == office.Failed:
		return p.Say("outcome." + failureKey(c.Reason)), true
	case c.Outcome == office.NoAnswer && c.Reason == office.NotPickedUp:
		return p.Say("outcome.notPickedUp"), false
	case !isKnown(c.Outcome): // an office that is newer
		return p.Say("outcome.unknown"), bad
	case c.Kind == office.Outgoing:
		return p.Say("outcome.out." + string(c.Outcome)), bad
	case c.Outcome == office.Forwarded && c.ForwardedTo != "":
		return p.Say("outcome.in.forwardedTo", "number", p.Number(c.ForwardedTo, r)), false
	}
	return p.Say("outcome.in." + string(c.Outcome)), bad
}

// isKnown reports whether there are words for how a call ended that was not
// answered and did not fail.
func isKnown(o office.Outcome) bool {
	switch o {
	case office.AnsweredElsewhere, office.NoAnswer, office.Busy, office.Declined, office.Canceled, office.ToVoicemail, office.Forwarded:
		return true
	}
	return false
}

// Kind names a kind of calls.
func (p *Phrasebook) Kind(k office.CallKind) string {
	switch k {
	case office.Incoming, office.Outgoing, office.Missed:
		return p.Say("kind." + string(k))
	}
	return p.Say("kind.other")
}
