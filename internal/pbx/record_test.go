package pbx

import (
	"testing"
	"time"
	"unsafe"

	"timbre/internal/office"
)

// TestKindsAndOutcomes is the table of what a row says when its call is over, for
// every outcome and both directions.
func TestKindsAndOutcomes(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for o, missed := range map[office.Outcome]bool{
		office.Answered: false, office.AnsweredElsewhere: false, office.Declined: false, office.Forwarded: false, office.Failed: false,
		office.NoAnswer: true, office.Busy: true, office.Canceled: true, office.ToVoicemail: true,
	} {
		for _, kind := range []office.CallKind{office.Outgoing, office.Missed} {
			r := &record{}
			w := r.add("account", kind, office.Party{Number: "102"}, start)
			answers := o == office.Answered || o == office.Forwarded
			if answers {
				w.answers(start.Add(4*time.Second), o, "desk", "srtp", "rtp")
			} else {
				r.stopsRinging(start.Add(4 * time.Second))
				w.ends(o, "")
			}
			w.ends(office.Failed, "late") // what is known already is not changed
			w.close(start.Add(10 * time.Second))
			w.ends(office.Failed, "later")
			call := r.sides()[0].Call
			want := kind
			if kind != office.Outgoing && !missed {
				want = office.Incoming
			}
			talked := office.Duration(0)
			if answers {
				talked = office.Duration(6 * time.Second)
			}
			if call.Kind != want || call.Outcome != o || call.Reason != "" || call.RingDuration != office.Duration(4*time.Second) || call.Duration != talked {
				t.Errorf("%s %s: %+v", kind, o, call)
			}
		}
	}
	for code, want := range map[int]office.Outcome{
		0: office.NoAnswer, 408: office.NoAnswer, 480: office.NoAnswer, 486: office.Busy, 600: office.Busy, 603: office.Declined,
		487: office.Canceled, 403: office.Failed, 404: office.Failed, 500: office.Failed, 503: office.Failed, 302: office.Failed,
	} {
		if got := outcomeOf(code); got != want {
			t.Errorf("%d is %s", code, got)
		}
	}
}

// jumped returns t as it would be on a computer whose clock was set by d before: the
// time since the start of the computer stays what it is. Nothing else than the memory
// of a Time gives one.
func jumped(t time.Time, d time.Duration) time.Time {
	*(*uint64)(unsafe.Pointer(&t)) += uint64(d/time.Second) << 30 // wall seconds, above the nanoseconds
	return t
}

// TestClockThatIsSetMeanwhile changes how long nothing lasted.
func TestClockThatIsSetMeanwhile(t *testing.T) {
	for _, by := range []time.Duration{0, time.Hour, -time.Hour} {
		r, start := &record{}, time.Now()
		if got := jumped(start, by); got.Sub(start) != 0 || got.Round(0).Sub(start.Round(0)) != by {
			t.Fatalf("a clock set by %v shows %v, not %v", by, got, start)
		}
		w := r.add("a", office.Outgoing, office.Party{Number: "102"}, start)
		leg := r.trace(nil, office.CallLeg{}, start)
		w.answers(jumped(start.Add(4*time.Second), by), office.Answered, "desk", "rtp", "rtp")
		leg.answers(jumped(start.Add(4*time.Second), by), nil)
		leg.ends(jumped(start.Add(10*time.Second), 2*by), office.Answered, "")
		w.close(jumped(start.Add(10*time.Second), 2*by))
		call := r.sides()[0].Call
		if call.RingDuration != office.Duration(4*time.Second) || call.Duration != office.Duration(6*time.Second) {
			t.Errorf("set by %v: rang %v, talked %v", by, time.Duration(call.RingDuration), time.Duration(call.Duration))
		}
		for what, got := range map[string]time.Duration{
			"answered": call.AnsweredAt.Sub(call.StartedAt) - 4*time.Second, "leg answered": call.Legs[0].AnsweredAt.Sub(call.StartedAt) - 4*time.Second,
			"leg ended": call.Legs[0].EndedAt.Sub(call.StartedAt) - 10*time.Second,
		} {
			if got != 0 {
				t.Errorf("set by %v: %s %v too late", by, what, got)
			}
		}
	}
}

// TestTelephonesStandInTheRowsThatMayKnowThem: those of an extension in its own
// row, the caller in all.
func TestTelephonesStandInTheRowsThatMayKnowThem(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &record{}
	caller := r.add("a", office.Outgoing, office.Party{Number: "102"}, now)
	callee := r.add("b", office.Missed, office.Party{Number: "101"}, now)
	r.trace(nil, office.CallLeg{Device: "caller"}, now).ends(now, office.Answered, "")
	for range 5 { // five that ring are one row
		r.trace(callee, office.CallLeg{Device: "callee"}, now).ends(now, office.NoAnswer, "")
	}
	r.trace(caller, office.CallLeg{Device: "still there"}, now)
	for _, s := range r.sides() {
		if want := map[office.ID]int{"a": 1, "b": 6}[s.Account]; len(s.Call.Legs) != want {
			t.Errorf("%s knows of %+v", s.Account, s.Call.Legs)
		}
	}
}
