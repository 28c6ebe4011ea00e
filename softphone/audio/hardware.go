package audio

import "time"

// A hardware is where devices are found and opened: the sound library, or a Rig.
// It is safe for concurrent use.
type hardware interface {
	// list returns the devices that are there now. It may hang.
	list() ([]Device, error)

	// open opens a device, which does not run yet. It may hang.
	open(o order) (handle, error)

	// sticky reports whether what was opened as the default device stays with it
	// when the user makes another the default.
	sticky() bool
}

// An order says what is to be opened.
type order struct {
	capture bool
	id      string        // a Device.ID; empty is the system's default
	period  time.Duration // how much sound goes through at a time, about

	// data is called on a thread of the device with what was heard, or for what
	// is to be played, which is silence before. It neither blocks nor allocates.
	data func(samples []int16)
}

// A handle is an open device.
type handle interface {
	rate() int    // of its samples, which are mono
	start() error // from now on data is called; may hang
	free()        // data is not called after it; may hang
}
