package audio

import (
	"context"
	"sync/atomic"
	"time"
)

// countEvery is how often the devices of the machine are counted while a stream
// runs: no system tells of its own accord in a way that the library passes on.
const countEvery = time.Second

// A census is which devices there were.
type census struct {
	at      time.Time // when the question was asked
	devices []Device
	err     error
}

// count asks the hardware. It may hang.
func count(h hardware) census {
	c := census{at: time.Now()}
	c.devices, c.err = h.list()
	return c
}

// has reports whether the device with that ID is there, or any of that direction
// where id is empty.
func (c *census) has(id string, capture bool) bool {
	for _, d := range c.devices {
		if d.Capture == capture && (d.ID == id || id == "") {
			return true
		}
	}
	return false
}

// standard returns the ID of the default device; empty where there is none.
func (c *census) standard(capture bool) string {
	for _, d := range c.devices {
		if d.Capture == capture && d.Default {
			return d.ID
		}
	}
	return ""
}

// A roster knows which devices are there while it runs. It is safe for concurrent
// use.
type roster struct {
	hardware hardware
	latest   atomic.Pointer[census] // nil: none succeeded yet
}

// run counts until ctx ends. A question that hangs is waited for, not repeated.
func (r *roster) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		result := make(chan census, 1)
		go func() { result <- count(r.hardware) }()
		select {
		case c := <-result:
			if c.err == nil {
				r.latest.Store(&c)
			}
		case <-ctx.Done():
			return
		}
		timer.Reset(countEvery)
	}
}

// since returns the latest census that was begun after t, or nil.
func (r *roster) since(t time.Time) *census {
	if c := r.latest.Load(); c != nil && c.at.After(t) {
		return c
	}
	return nil
}
