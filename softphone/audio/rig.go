package audio

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Rig is a machine whose sound devices exist only in this process and fail as
// they are told: for tests of whatever uses sound. It keeps the time of the clock
// that runs, that of testing/synctest too. It is safe for concurrent use.
type Rig struct {
	mu      sync.Mutex
	devices []*RigDevice // guarded by mu
	opens   int          // guarded by mu
	gone    chan struct{}
}

// A RigDevice is a device of a Rig. It must not be changed once it is plugged in.
// The zero values of its fields are a device that works.
type RigDevice struct {
	Name    string // and ID
	Capture bool   // a microphone, else a speaker
	Rate    int    // of its samples; 0: 48000

	Hears func(samples []int16) // fills what a microphone hears; nil: digital silence
	Plays func(samples []int16) // gets what is to be heard; nil: nobody listens

	Drift     float64       // by how many millionths its clock is too fast
	TrueRate  int           // of its clock, where that is not what it says; 0: Rate
	Burst     int           // how many periods go through at once; 0: 1
	OpenTime  time.Duration // how long opening takes; below zero: for ever
	FailOpens int           // how many times opening fails at first; below zero: always
	Stalls    bool          // opens, but nothing ever goes through
	Stuck     bool          // closing it takes for ever once it was pulled out

	failed int           // guarded by the rig's mu, like all below
	paused time.Time     // until when nothing goes through
	pulled chan struct{} // closed when it is pulled out
}

// NewRig returns a machine with those devices, of which the first of each direction
// is the default one. It is to be closed.
func NewRig(devices ...*RigDevice) *Rig {
	r := &Rig{gone: make(chan struct{})}
	for _, d := range devices {
		r.Plug(d)
	}
	return r
}

// Close ends whatever hangs in the rig.
func (r *Rig) Close() { close(r.gone) }

// Devices returns the devices of the rig, with those settings.
func (r *Rig) Devices(s Settings) *Devices {
	d := &Devices{hardware: r}
	d.Set(s)
	return d
}

// Plug plugs a device in, which was not before or was pulled out.
func (r *Rig) Plug(d *RigDevice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.pulled = make(chan struct{})
	r.devices = append(r.devices, d)
}

// Unplug pulls a device out: it stops without a word. It is none of the rig's
// afterwards.
func (r *Rig) Unplug(d *RigDevice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices = slices.DeleteFunc(r.devices, func(o *RigDevice) bool { return o == d })
	close(d.pulled)
}

// Pause lets nothing go through a device for a while, and nothing be made up for.
func (r *Rig) Pause(d *RigDevice, t time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.paused = time.Now().Add(t)
}

// Opens returns how many times a device was opened, or tried to be, so far.
func (r *Rig) Opens() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opens
}

// list implements hardware.
func (r *Rig) list() ([]Device, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Device
	first := map[bool]bool{false: true, true: true}
	for _, d := range r.devices {
		all = append(all, Device{ID: d.Name, Name: d.Name, Capture: d.Capture, Default: first[d.Capture]})
		first[d.Capture] = false
	}
	return all, nil
}

// sticky implements hardware.
func (r *Rig) sticky() bool { return true }

// open implements hardware.
func (r *Rig) open(o order) (handle, error) {
	d, pulled, fails := r.find(o)
	if d == nil {
		return nil, fmt.Errorf("opening a device of the rig: %w", ErrNoDevice)
	}
	wait := time.NewTimer(max(0, d.OpenTime))
	defer wait.Stop()
	ready := wait.C
	if d.OpenTime < 0 {
		ready = nil
	}
	select {
	case <-ready:
	case <-r.gone:
		fails = true
	}
	if fails {
		return nil, fmt.Errorf("opening %s: %w", d.Name, ErrNoDevice)
	}
	return &rigCard{rig: r, device: d, order: o, pulled: pulled, stop: make(chan struct{}), done: make(chan struct{})}, nil
}

// find returns the device that is to be opened, what is closed when that is pulled
// out, and whether opening will fail.
func (r *Rig) find(o order) (d *RigDevice, pulled <-chan struct{}, fails bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opens++
	for _, d := range r.devices {
		if d.Capture == o.capture && (o.id == "" || d.Name == o.id) {
			fails = d.FailOpens < 0 || d.failed < d.FailOpens
			d.failed++
			return d, d.pulled, fails
		}
	}
	return nil, nil, false
}

// A rigCard is an open device of a rig.
type rigCard struct {
	rig    *Rig
	device *RigDevice
	order  order
	pulled <-chan struct{}
	stop   chan struct{} // closed by free
	done   chan struct{} // closed when nothing goes through any more; by run
	begun  bool
}

func (c *rigCard) rate() int {
	if c.device.Rate == 0 {
		return 48000
	}
	return c.device.Rate
}

func (c *rigCard) start() error {
	c.begun = true
	go c.run()
	return nil
}

func (c *rigCard) free() {
	close(c.stop)
	if !c.begun {
		return
	}
	<-c.done
	if !c.device.Stuck {
		return
	}
	select {
	case <-c.pulled:
		<-c.rig.gone
	default:
	}
}

// run lets sound through until the device is closed or pulled out.
func (c *rigCard) run() {
	defer close(c.done)
	d := c.device
	rate := c.rate()
	samples := make([]int16, int(int64(rate)*int64(c.order.period)/int64(time.Second)))
	clock := float64(rate) // samples in a true second
	if d.TrueRate != 0 {
		clock = float64(d.TrueRate)
	}
	clock *= 1 + d.Drift*1e-6
	burst := max(1, d.Burst)
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n += burst {
		due := begun.Add(time.Duration(float64(n*len(samples)) / clock * float64(time.Second)))
		timer.Reset(max(0, time.Until(due)))
		select {
		case <-timer.C:
		case <-c.stop:
			return
		case <-c.pulled:
			return
		}
		if c.resting() {
			continue
		}
		for range burst {
			c.pass(samples)
		}
	}
}

// resting reports whether nothing goes through now.
func (c *rigCard) resting() bool {
	c.rig.mu.Lock()
	defer c.rig.mu.Unlock()
	return c.device.Stalls || time.Now().Before(c.device.paused)
}

// pass lets one period through.
func (c *rigCard) pass(samples []int16) {
	clear(samples)
	if c.order.capture && c.device.Hears != nil {
		c.device.Hears(samples)
	}
	c.order.data(samples)
	if !c.order.capture && c.device.Plays != nil {
		c.device.Plays(samples)
	}
}
