package hunt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/office"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ringTime = 20 * time.Second
	outside  = office.Number("+525555550199")
)

// forwarding returns settings that forward in the given cases.
func forwarding(local, key bool, when ...office.ForwardWhen) office.ForwardingSettings {
	f := office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{}, Number: outside, RingLocal: local, RequireKey: key}
	for _, w := range when {
		f.When[w] = true
	}
	return f
}

// A witness watches a hunt from outside, and checks what must hold whatever
// happens.
type witness struct {
	t       *testing.T
	hunt    *Hunt
	start   time.Time
	now     time.Time
	story   []Event
	legs    []Target
	state   []string // of each leg: dialled, canceled, failed, answered, hung up
	key     map[Leg]bool
	passed  Leg // heard by the caller
	over    bool
	result  Result
	members []Member
}

func (w *witness) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s\nmembers %+v\nevents %+v", fmt.Sprintf(format, args...), w.members, w.story)
}

// clone returns w as it is now: what happens to one does not to the other.
func (w *witness) clone() *witness {
	c := *w
	h := *w.hunt
	c.hunt, h.members, h.legs = &h, nil, nil
	for _, m := range w.hunt.members {
		m := *m
		m.hunt = &h
		h.members = append(h.members, &m)
	}
	for _, l := range w.hunt.legs {
		l := *l
		h.legs = append(h.legs, &l)
	}
	c.story, c.legs, c.state = slices.Clone(w.story), slices.Clone(w.legs), slices.Clone(w.state)
	c.key, c.members = maps.Clone(w.key), slices.Clone(w.members)
	return &c
}

// begin starts a hunt.
func begin(t *testing.T, members []Member) *witness {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &witness{t: t, hunt: New(members...), start: start, now: start, key: map[Leg]bool{}, passed: None, members: members}
	w.sees(w.hunt.Start(start))
	return w
}

// happens has the hunt hear e.
func (w *witness) happens(e Event) {
	w.story = append(w.story, e)
	switch e.What {
	case Tick:
		w.now = w.hunt.Next()
	case Answers:
		if w.state[e.Leg] == "canceled" {
			w.state[e.Leg] = "late"
		} else {
			w.state[e.Leg] = "answered"
		}
	case Fails, Redirected:
		w.state[e.Leg] = "failed"
	case Key:
		w.key[e.Leg] = e.Key == '1'
	}
	w.sees(w.hunt.Handle(w.now, e))
	if i := slices.Index(w.state, "late"); i >= 0 {
		w.fail("leg %d answered after its cancel and is not hung up", i)
	}
}

// sees checks what is done.
func (w *witness) sees(actions []Action) {
	w.t.Helper()
	for i, a := range actions {
		if w.over && a.Do != Hangup {
			w.fail("%+v after the end", a)
		}
		switch a.Do {
		case Dial:
			if int(a.Leg) != len(w.legs) {
				w.fail("leg %d is dialled after %d", a.Leg, len(w.legs))
			}
			if w.passed != None {
				w.fail("the caller still hears leg %d while another rings", w.passed)
			}
			w.legs, w.state = append(w.legs, a.Target), append(w.state, "dialled")
		case Ring:
			w.passed = None
		case Pass:
			if w.legs[a.Leg].Key || w.state[a.Leg] != "dialled" {
				w.fail("the caller hears leg %d, %s", a.Leg, w.state[a.Leg])
			}
			w.passed = a.Leg
		case Ask:
			if !w.legs[a.Leg].Key || w.state[a.Leg] != "answered" {
				w.fail("leg %d is asked, %s", a.Leg, w.state[a.Leg])
			}
		case Cancel:
			if w.state[a.Leg] != "dialled" {
				w.fail("leg %d is canceled, %s", a.Leg, w.state[a.Leg])
			}
			w.state[a.Leg] = "canceled"
			if w.passed == a.Leg {
				w.passed = None
			}
		case Hangup:
			if w.state[a.Leg] != "answered" && w.state[a.Leg] != "late" {
				w.fail("leg %d is hung up, %s", a.Leg, w.state[a.Leg])
			}
			w.state[a.Leg] = "hung up"
		case End:
			w.over, w.result = true, a.Result
			if i != len(actions)-1 {
				w.fail("the end is not the last action")
			}
			w.ends(a.Result)
		}
	}
}

// ends checks the result, and that nothing is left.
func (w *witness) ends(r Result) {
	if len(r.Members) != len(w.members) {
		w.fail("%d verdicts", len(r.Members))
	}
	for n, s := range w.state {
		switch {
		case Leg(n) == r.Winner && s == "answered":
			if t := w.legs[n]; t != r.Target || t.Key && !w.key[Leg(n)] {
				w.fail("leg %d won without a key", n)
			}
		case s == "dialled" || s == "answered":
			w.fail("a ghost: leg %d is left %s", n, s)
		}
	}
	for i, v := range r.Members {
		if v.Outcome == "" {
			w.fail("member %d has no outcome", i)
		}
		won := v.Outcome == office.Answered || v.Outcome == office.Forwarded
		if won != (r.Winner != None && r.Target.Member == i) {
			w.fail("member %d: %s, the winner is %d", i, v.Outcome, r.Winner)
		}
	}
	var longest time.Duration
	for _, m := range w.members {
		longest = max(longest, m.RingTime)
	}
	if took := w.now.Sub(w.start); took > longest+ForwardTime+AskTime {
		w.fail("it took %v", took)
	}
	if !w.hunt.Next().IsZero() || !w.hunt.over {
		w.fail("it goes on after its end")
	}
}

// next returns all that can happen now.
func (w *witness) next() []Event {
	var es []Event
	for n, t := range w.legs {
		leg := Leg(n)
		switch w.state[n] {
		case "dialled":
			l := w.hunt.legs[n]
			if l.phase == dialing {
				es = append(es, Event{What: Rings, Leg: leg}, Event{What: Early, Leg: leg})
			}
			es = append(es, Event{What: Answers, Leg: leg}, Event{What: Fails, Leg: leg, Code: 486}, Event{What: Fails, Leg: leg, Code: 503},
				Event{What: Fails, Leg: leg, Code: 603})
			if t.Number == "" {
				es = append(es, Event{What: Redirected, Leg: leg, Code: 302},
					Event{What: Redirected, Leg: leg, Code: 302, Number: "+525555550100"})
			}
		case "canceled":
			es = append(es, Event{What: Answers, Leg: leg}, Event{What: Fails, Leg: leg, Code: 487})
		case "answered":
			if w.hunt.legs[n].phase == asked {
				es = append(es, Event{What: Key, Leg: leg, Key: '1'}, Event{What: Key, Leg: leg, Key: '2'}, Event{What: Key, Leg: leg})
			}
		}
	}
	if w.over {
		return es
	}
	es = append(es, Event{What: GivesUp}, Event{What: Stops})
	if !w.hunt.Next().IsZero() {
		es = append(es, Event{What: Tick})
	} else if !w.over {
		w.fail("nothing will ever end it")
	}
	return es
}

// signature says all that matters for what may happen from now on.
func (w *witness) signature() string {
	var s strings.Builder
	rest := func(t time.Time) time.Duration {
		if t.IsZero() {
			return -1
		}
		return t.Sub(w.now)
	}
	for n, l := range w.hunt.legs {
		fmt.Fprint(&s, l.Target, l.phase, rest(l.until), w.state[n], ";")
	}
	for _, m := range w.hunt.members {
		fmt.Fprint(&s, m.rang, m.tried, m.stays, m.over, m.why, m.code, rest(m.ringUntil), rest(m.offlineAt), rest(m.forwardUntil), ";")
	}
	fmt.Fprint(&s, w.hunt.early, w.hunt.told, w.over, w.passed)
	return s.String()
}

// TestEveryOrder lives through every order of what can happen.
func TestEveryOrder(t *testing.T) {
	t.Parallel()
	when := [][]office.ForwardWhen{
		nil,
		{office.ForwardAlways},
		{office.ForwardOffline},
		{office.ForwardBusy},
		{office.ForwardNoAnswer},
		{office.ForwardOffline, office.ForwardBusy, office.ForwardNoAnswer},
	}
	for _, cases := range when {
		for _, local := range []bool{false, true} {
			for _, key := range []bool{false, true} {
				if cases == nil && (local || key) {
					continue
				}
				f := forwarding(local, key, cases...)
				f.IsEnabled = cases != nil
				for _, m := range []Member{
					{Devices: 0}, {Devices: 1}, {Devices: 2}, {Devices: 1, Full: true}, {Devices: 1, Quiet: true},
				} {
					m.RingTime, m.Forwarding = ringTime, f
					t.Run(fmt.Sprintf("%v/local=%v/key=%v/%d,%v,%v", cases, local, key, m.Devices, m.Full, m.Quiet), func(t *testing.T) {
						t.Parallel()
						explore(t, m)
					})
				}
			}
		}
	}
	t.Run("two members", func(t *testing.T) {
		t.Parallel()
		explore(t, Member{Devices: 1, RingTime: ringTime, Forwarding: forwarding(false, true, office.ForwardNoAnswer)},
			Member{Devices: 1, RingTime: 5 * time.Second})
	})
}

// explore lives through all stories of the members, once from each state that
// can be reached.
func explore(t *testing.T, members ...Member) {
	seen := map[string]bool{}
	ends := map[office.Outcome]int{}
	var visit func(w *witness)
	visit = func(w *witness) {
		if t.Failed() || len(w.story) > 25 {
			return
		}
		if s := w.signature(); seen[s] {
			return
		} else {
			seen[s] = true
		}
		if w.over {
			ends[w.result.Members[0].Outcome]++
		}
		for _, e := range w.next() {
			other := w.clone()
			other.happens(e)
			visit(other)
		}
	}
	visit(begin(t, members))
	if len(ends) == 0 {
		t.Errorf("no story has an end, of %d states", len(seen))
	}
}
