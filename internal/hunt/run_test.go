package hunt

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/office"
)

// A telephone of the tests does what is written down for it. Its times count
// from when it is dialled.
type telephone struct {
	rings time.Duration // negative: never
	early bool          // with sound
	does  Happening     // Answers, Fails, Redirected; Tick: nothing, ever
	after time.Duration
	code  int
	to    office.Number
	late  bool          // answers although it is canceled
	key   rune          // that is pressed when it is asked; 0: none
	waits time.Duration // before that; without both: KeyTime
}

var (
	silent = telephone{rings: -1, does: Tick}
	rings  = telephone{does: Tick}
)

// answers is a telephone that rings at once and answers after d.
func answers(d time.Duration) telephone { return telephone{does: Answers, after: d} }

// fails is a telephone that refuses after d.
func fails(d time.Duration, code int) telephone { return telephone{does: Fails, after: d, code: code} }

// A stage is the world of the tests.
type stage struct {
	phones  map[string]telephone // by label
	start   time.Time
	mu      sync.Mutex
	log     []string       // guarded by mu; what was done, with the second
	talking map[string]int // guarded by mu; telephones that have answered and are not hung up
}

// label names a target: "0.1" the device 1 of member 0, "0>" its forward.
func label(t Target) string {
	if t.Number != "" {
		return strconv.Itoa(t.Member) + ">"
	}
	return strconv.Itoa(t.Member) + "." + strconv.Itoa(t.Device)
}

func (s *stage) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, strconv.Itoa(int(time.Since(s.start).Seconds()))+" "+what)
}

func (s *stage) Dial(ctx context.Context, t Target, tell func(Happening, string)) (string, Event) {
	name := label(t)
	p := s.phones[name]
	s.note("dial " + name)
	at := time.Now()
	wait := func(d time.Duration) bool {
		select {
		case <-time.After(time.Until(at.Add(d))):
			return true
		case <-ctx.Done():
			return false
		}
	}
	end := func() (string, Event) {
		if p.late {
			s.mu.Lock()
			s.talking[name]++
			s.mu.Unlock()
			return name, Event{What: Answers}
		}
		if errors.Is(context.Cause(ctx), ErrElsewhere) {
			s.note("elsewhere " + name)
		} else {
			s.note("cancel " + name)
		}
		return "", Event{What: Fails, Code: 487}
	}
	if p.rings >= 0 {
		if !wait(p.rings) {
			return end()
		}
		if p.early {
			tell(Early, name)
		} else {
			tell(Rings, "")
		}
	}
	if p.does == Tick {
		p.after = time.Hour
	}
	if !wait(p.after) {
		return end()
	}
	if p.does == Answers {
		s.mu.Lock()
		s.talking[name]++
		s.mu.Unlock()
		return name, Event{What: Answers}
	}
	return "", Event{What: p.does, Code: p.code, Number: p.to}
}

func (s *stage) Ask(ctx context.Context, leg string) rune {
	s.note("ask " + leg)
	p := s.phones[leg]
	if p.key == 0 && p.waits == 0 {
		p.waits = KeyTime
	}
	select {
	case <-time.After(p.waits):
		return p.key
	case <-ctx.Done():
		return 0
	}
}

func (s *stage) Hangup(leg string) {
	s.note("hangup " + leg)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talking[leg]--
}

func (s *stage) Ring()           { s.note("ring") }
func (s *stage) Pass(leg string) { s.note("pass " + leg) }

// TestHunt is the table of ringing and forwarding.
func TestHunt(t *testing.T) {
	one := Member{Devices: 1, RingTime: ringTime}
	with := func(f office.ForwardingSettings) Member {
		m := one
		m.Forwarding = f
		return m
	}
	accepts := telephone{does: Answers, after: 3 * time.Second, key: '1', waits: 2 * time.Second}
	for _, c := range []struct {
		name    string
		members []Member
		phones  map[string]telephone
		winner  string
		outcome []office.Outcome
		log     []string
	}{
		{
			"it answers",
			[]Member{one},
			map[string]telephone{"0.0": answers(3 * time.Second)},
			"0.0",
			[]office.Outcome{office.Answered},
			[]string{"0 dial 0.0", "0 ring"},
		},
		{
			"ring time",
			[]Member{one},
			map[string]telephone{"0.0": rings},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0.0", "0 ring", "20 cancel 0.0"},
		},
		{
			"no device", []Member{{RingTime: ringTime}}, nil, "", []office.Outcome{office.NoAnswer}, nil,
		},
		{
			"not to be disturbed", []Member{{Devices: 1, RingTime: ringTime, Quiet: true}}, nil, "", []office.Outcome{office.NoAnswer}, nil,
		},
		{
			"call limit", []Member{{Devices: 1, RingTime: ringTime, Full: true}}, nil, "", []office.Outcome{office.Busy}, nil,
		},
		{
			"one of two is busy",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": fails(0, 486), "0.1": rings},
			"",
			[]office.Outcome{office.NoAnswer},
			nil,
		},
		{
			"both are busy",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": fails(0, 486), "0.1": fails(0, 503)},
			"",
			[]office.Outcome{office.Busy},
			nil,
		},
		{
			"declined for all",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": fails(time.Second, 603), "0.1": rings},
			"",
			[]office.Outcome{office.Declined},
			nil,
		},
		{
			"declined, not forwarded",
			[]Member{with(forwarding(true, false, office.ForwardAlways, office.ForwardNoAnswer))},
			map[string]telephone{"0.0": fails(time.Second, 603), "0>": rings},
			"",
			[]office.Outcome{office.Declined},
			nil,
		},
		{
			"to voicemail",
			[]Member{one},
			map[string]telephone{"0.0": {does: Redirected, code: 302}},
			"",
			[]office.Outcome{office.ToVoicemail},
			nil,
		},
		{
			"elsewhere",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": answers(time.Second), "0.1": silent},
			"0.0",
			[]office.Outcome{office.Answered},
			[]string{"0 dial 0.0", "0 dial 0.1", "0 ring", "1 elsewhere 0.1"},
		},
		{
			"always",
			[]Member{with(forwarding(false, false, office.ForwardAlways))},
			map[string]telephone{"0>": answers(9 * time.Second)},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0>", "0 ring"},
		},
		{
			"always, nobody",
			[]Member{with(forwarding(false, false, office.ForwardAlways))},
			map[string]telephone{"0>": rings},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0>", "0 ring", "25 cancel 0>"},
		},
		{
			"always and here, the desk answers",
			[]Member{with(forwarding(true, false, office.ForwardAlways))},
			map[string]telephone{"0.0": answers(2 * time.Second), "0>": rings},
			"0.0",
			[]office.Outcome{office.Answered},
			nil,
		},
		{
			"always and here, the ring time is the desk's",
			[]Member{with(forwarding(true, false, office.ForwardAlways))},
			map[string]telephone{"0.0": rings, "0>": silent},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0.0", "0 dial 0>", "0 ring", "20 cancel 0.0", "25 cancel 0>"},
		},
		{
			"not disturbed, but forwarded",
			[]Member{{Devices: 1, RingTime: ringTime, Quiet: true, Forwarding: forwarding(true, false, office.ForwardAlways)}},
			map[string]telephone{"0>": answers(0)},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0>", "0 ring"},
		},
		{
			"offline, no device",
			[]Member{{RingTime: ringTime, Forwarding: forwarding(false, false, office.ForwardOffline)}},
			map[string]telephone{"0>": answers(0)},
			"0>",
			[]office.Outcome{office.Forwarded},
			nil,
		},
		{
			"offline, all fail",
			[]Member{with(forwarding(false, false, office.ForwardOffline))},
			map[string]telephone{"0.0": {rings: -1, does: Fails, after: time.Second, code: 503}, "0>": answers(0)},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0.0", "1 dial 0>", "1 ring"},
		},
		{
			"offline, no sign of life",
			[]Member{with(forwarding(false, false, office.ForwardOffline))},
			map[string]telephone{"0.0": silent, "0>": answers(0)},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0.0", "4 cancel 0.0", "4 dial 0>", "4 ring"},
		},
		{
			"it rings, so it is not offline",
			[]Member{with(forwarding(false, false, office.ForwardOffline))},
			map[string]telephone{"0.0": {rings: 3 * time.Second, does: Tick}},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0.0", "3 ring", "20 cancel 0.0"},
		},
		{
			"busy",
			[]Member{with(forwarding(false, false, office.ForwardBusy))},
			map[string]telephone{"0.0": fails(time.Second, 486), "0>": answers(0)},
			"0>",
			[]office.Outcome{office.Forwarded},
			nil,
		},
		{
			"busy by its limit",
			[]Member{{Devices: 1, RingTime: ringTime, Full: true, Forwarding: forwarding(true, false, office.ForwardBusy)}},
			map[string]telephone{"0>": answers(0)},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0>", "0 ring"},
		},
		{
			"busy, and so is the forward",
			[]Member{with(forwarding(false, false, office.ForwardBusy))},
			map[string]telephone{"0.0": fails(0, 486), "0>": fails(0, 486)},
			"",
			[]office.Outcome{office.Busy},
			nil,
		},
		{
			"no answer",
			[]Member{with(forwarding(false, false, office.ForwardNoAnswer))},
			map[string]telephone{"0.0": rings, "0>": rings},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0.0", "0 ring", "20 cancel 0.0", "20 dial 0>", "45 cancel 0>"},
		},
		{
			"no answer, the desk rings on",
			[]Member{with(forwarding(true, false, office.ForwardNoAnswer))},
			map[string]telephone{"0.0": answers(30 * time.Second), "0>": rings},
			"0.0",
			[]office.Outcome{office.Answered},
			[]string{"0 dial 0.0", "0 ring", "20 dial 0>", "30 elsewhere 0>"},
		},
		{
			"1 accepts",
			[]Member{with(forwarding(true, true, office.ForwardAlways))},
			map[string]telephone{"0.0": rings, "0>": accepts},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0.0", "0 dial 0>", "0 ring", "3 ask 0>", "5 elsewhere 0.0"},
		},
		{
			"2 declines, the desk rings on",
			[]Member{with(forwarding(true, true, office.ForwardAlways))},
			map[string]telephone{"0.0": answers(15 * time.Second), "0>": {does: Answers, key: '2', waits: time.Second}},
			"0.0",
			[]office.Outcome{office.Answered},
			[]string{"0 dial 0.0", "0 dial 0>", "0 ring", "0 ask 0>", "1 hangup 0>"},
		},
		{
			"a voicemail presses nothing",
			[]Member{with(forwarding(false, true, office.ForwardAlways))},
			map[string]telephone{"0>": answers(20 * time.Second)},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0>", "0 ring", "20 ask 0>", "30 hangup 0>"},
		},
		{
			"the question is long: the key comes in time after it",
			[]Member{with(forwarding(false, true, office.ForwardAlways))},
			map[string]telephone{"0>": {does: Answers, key: '1', waits: 8*time.Second + KeyTime}},
			"0>",
			[]office.Outcome{office.Forwarded},
			nil,
		},
		{
			"the question has no end",
			[]Member{with(forwarding(false, true, office.ForwardAlways))},
			map[string]telephone{"0>": {does: Answers, after: time.Second, waits: time.Hour}},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0>", "0 ring", "1 ask 0>", "31 hangup 0>"},
		},
		{
			"early sound",
			[]Member{with(forwarding(false, false, office.ForwardAlways))},
			map[string]telephone{"0>": {early: true, does: Answers, after: time.Second}},
			"0>",
			[]office.Outcome{office.Forwarded},
			[]string{"0 dial 0>", "0 pass 0>"},
		},
		{
			"no early sound of who must press a key",
			[]Member{with(forwarding(false, true, office.ForwardAlways))},
			map[string]telephone{"0>": {early: true, does: Fails, after: time.Second, code: 486}},
			"",
			[]office.Outcome{office.NoAnswer},
			[]string{"0 dial 0>", "0 ring"},
		},
		{
			"no early sound beside another",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": {early: true, does: Answers, after: time.Second}, "0.1": silent},
			"0.0",
			[]office.Outcome{office.Answered},
			[]string{"0 dial 0.0", "0 dial 0.1", "0 ring", "1 elsewhere 0.1"},
		},
		{
			"redirected",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": {does: Redirected, after: time.Second, code: 302, to: "+525555550100"}, "0.1": silent, "0>": answers(time.Second)},
			"0>",
			[]office.Outcome{office.Forwarded},
			nil,
		},
		{
			"a late answer is hung up",
			[]Member{{Devices: 2, RingTime: ringTime}},
			map[string]telephone{"0.0": answers(time.Second), "0.1": {does: Tick, late: true}},
			"0.0",
			[]office.Outcome{office.Answered},
			[]string{"0 dial 0.0", "0 dial 0.1", "0 ring", "1 hangup 0.1"},
		},
		{
			"two ring together",
			[]Member{one, one},
			map[string]telephone{"0.0": rings, "1.0": answers(time.Second)},
			"1.0",
			[]office.Outcome{office.AnsweredElsewhere, office.Answered},
			nil,
		},
		{
			"two ring together, each is forwarded",
			[]Member{with(forwarding(false, false, office.ForwardNoAnswer)), {Devices: 1, RingTime: 5 * time.Second, Forwarding: forwarding(false, true, office.ForwardNoAnswer)}},
			map[string]telephone{"0.0": rings, "1.0": rings, "0>": rings, "1>": accepts},
			"1>",
			[]office.Outcome{office.AnsweredElsewhere, office.Forwarded},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stage{phones: c.phones, start: time.Now(), talking: map[string]int{}}
				r := NewRunner[string](New(c.members...), s)
				result, winner := r.Run(t.Context(), nil)
				r.Wait()
				if winner != c.winner {
					t.Errorf("%q answered", winner)
				}
				for i, v := range result.Members {
					if v.Outcome != c.outcome[i] {
						t.Errorf("member %d: %s", i, v.Outcome)
					}
				}
				s.talking[c.winner]--
				for name, n := range s.talking {
					if n != 0 && name != "" {
						t.Errorf("a ghost: %s", name)
					}
				}
				slices.Sort(s.log)
				slices.Sort(c.log)
				if c.log != nil && !slices.Equal(s.log, c.log) {
					t.Errorf("%q", s.log)
				}
			})
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	for _, stop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &stage{phones: map[string]telephone{"0.0": rings, "0>": answers(0)}, start: time.Now(), talking: map[string]int{}}
			r := NewRunner[string](New(Member{Devices: 1, RingTime: ringTime, Forwarding: forwarding(true, true, office.ForwardAlways)}), s)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			gives, want := make(chan struct{}), office.Canceled
			if stop {
				want = office.Failed
			}
			time.AfterFunc(2*time.Second, func() {
				if stop {
					cancel()
				} else {
					close(gives)
				}
			})
			result, _ := r.Run(ctx, gives)
			r.Wait()
			if o := result.Members[0].Outcome; o != want || result.Winner != None {
				t.Errorf("%+v", result)
			}
			if s.talking["0>"] != 0 {
				t.Error("a ghost")
			}
			if took := time.Since(s.start); took != 2*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
