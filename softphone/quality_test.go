package softphone

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

func TestFaultOfACall(t *testing.T) {
	good := Quality{Codec: "opus", Talk: time.Minute, Received: 3000, Jitter: 3 * time.Millisecond, Delay: 40 * time.Millisecond}
	for name, c := range map[string]struct {
		change func(*Quality)
		want   Fault
	}{
		"good":                  {func(*Quality) {}, NoFault},
		"a little loss":         {func(q *Quality) { q.Loss, q.Concealed = 0.01, 0.01 }, NoFault},
		"loss":                  {func(q *Quality) { q.Loss, q.Concealed = 0.1, 0.1 }, PacketsLost},
		"loss that came back":   {func(q *Quality) { q.Loss, q.Recovered = 0.05, 0.045 }, NoFault},
		"late":                  {func(q *Quality) { q.Late, q.Concealed = 0.08, 0.1 }, PacketsLate},
		"gaps without loss":     {func(q *Quality) { q.Concealed = 0.2 }, PacketsLate},
		"long buffer":           {func(q *Quality) { q.Delay = 900 * time.Millisecond }, PacketsLate},
		"nothing came":          {func(q *Quality) { q.Received = 0 }, FarSilent},
		"the device stood":      {func(q *Quality) { q.Stalled, q.Concealed = 4*time.Second, 0.1 }, DeviceStalls},
		"it stood once":         {func(q *Quality) { q.Stalled = 200 * time.Millisecond }, NoFault},
		"no device":             {func(q *Quality) { q.NoDevice = true }, DeviceGone},
		"too short to tell":     {func(q *Quality) { q.Talk, q.Received = time.Second, 0 }, NoFault},
		"nobody answered":       {func(q *Quality) { *q = Quality{} }, NoFault},
		"both, mostly the loss": {func(q *Quality) { q.Loss, q.Late = 0.2, 0.05 }, PacketsLost},
	} {
		q := good
		c.change(&q)
		if got := q.Fault(); got != c.want {
			t.Errorf("%s: %q, want %q (MOS %.2f)", name, got, c.want, q.MOS())
		}
		if err := q.Office().Check(); err != nil {
			t.Errorf("%s: the office would not take it: %v", name, err)
		}
	}
	if m := good.MOS(); m < 4.3 || m > 4.5 {
		t.Errorf("a good call has MOS %.2f", m)
	}
	if m := (Quality{Talk: time.Minute}).MOS(); m != 0 {
		t.Errorf("a call without sound has MOS %.2f", m)
	}
	far := good
	if far.RoundTrip = 1200 * time.Millisecond; far.MOS() > 3.5 {
		t.Errorf("with a round trip of 1.2 s MOS is %.2f", far.MOS())
	}
	want := office.Quality{Codec: "opus", Loss: 0.25, Jitter: 0.003, Delay: 0.04, Concealed: 0.5}
	good.Loss, good.Concealed = 0.25, 0.5
	got := good.Office()
	if got.MOS = 0; got != want {
		t.Errorf("the office gets %+v, want %+v", got, want)
	}
}

// TestPulse: what counts as a stall is neither a burst nor a device that nobody uses.
func TestPulse(t *testing.T) {
	var p pulse
	now := time.Unix(1000, 0)
	for _, gap := range []time.Duration{0, 10, 100, 0, 350, 20, 5000, 10} {
		now = now.Add(gap * time.Millisecond)
		p.beat(now)
	}
	if got := p.stalled(); got != 250*time.Millisecond {
		t.Errorf("stood still for %v, want 250 ms", got)
	}
}

// TestNoDeviceIsSilence: another device than the chosen one is one, too.
func TestNoDeviceIsSilence(t *testing.T) {
	for want, err := range map[bool]error{true: errors.New("no sound device"), false: media.ErrOtherDevice} {
		c := &Call{voice: newVoice(nil, AllStages), status: Status{State: Active, AnsweredAt: time.Now().Add(-time.Minute), AudioErr: err}}
		if got := c.Quality().NoDevice; got != want {
			t.Errorf("%v: no device %v", err, got)
		}
	}
}
