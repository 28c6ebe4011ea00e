package softphone

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

func TestOutcomeOfAStatus(t *testing.T) {
	for code, want := range map[int]office.Outcome{
		486: office.Busy, 600: office.Busy, 603: office.Declined, 480: office.NoAnswer, 408: office.NoAnswer, 487: office.NoAnswer,
		404: office.Failed, 484: office.Failed, 488: office.Failed, 500: office.Failed, 503: office.Failed, 302: office.Failed,
	} {
		var s Status
		s.fail(&ua.StatusError{Code: code, Reason: "why"})
		if s.Outcome != want || s.Code != code || s.Reason != "why" {
			t.Errorf("%d: %+v, want %s", code, s, want)
		}
	}
	var s Status
	s.fail(&ua.StatusError{Code: 403, Reason: "Forbidden", Why: office.TooManyCalls})
	if s.Outcome != office.Failed || s.Why != office.TooManyCalls {
		t.Errorf("with the office's reason: %+v", s)
	}
	s = Status{}
	s.fail(errors.New("no route"))
	if s.Outcome != office.Failed || s.Code != 0 || s.Reason != "no route" {
		t.Errorf("without a status: %+v", s)
	}
}

func TestDurationCountsTheTalkAlone(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	for _, c := range []struct {
		status Status
		want   time.Duration
	}{
		{Status{StartedAt: at(1)}, 0},                                                  // it rings
		{Status{StartedAt: at(1), AnsweredAt: at(5)}, 5 * time.Second},                 // it goes on
		{Status{StartedAt: at(1), AnsweredAt: at(5), EndedAt: at(8)}, 3 * time.Second}, // it is over
		{Status{StartedAt: at(1), EndedAt: at(8)}, 0},                                  // nobody answered
	} {
		if got := c.status.Duration(at(10)); got != c.want {
			t.Errorf("%+v: %v, want %v", c.status, got, c.want)
		}
	}
}
