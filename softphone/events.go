package softphone

import "sync"

// events are callbacks that wait for their turn. Posting never blocks; run calls
// them one after the other. Its size is bounded by what can happen to one call
// and one registration.
type events struct {
	mu     sync.Mutex
	wake   *sync.Cond
	queue  []func() // guarded by mu
	closed bool     // guarded by mu
}

func newEvents() *events {
	e := &events{}
	e.wake = sync.NewCond(&e.mu)
	return e
}

// post adds f at the end; after close it is dropped.
func (e *events) post(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.queue = append(e.queue, f)
		e.wake.Signal()
	}
}

// close lets run return when the queue is empty.
func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.wake.Signal()
}

// run calls what is posted until close.
func (e *events) run() {
	for {
		e.mu.Lock()
		for len(e.queue) == 0 && !e.closed {
			e.wake.Wait()
		}
		if len(e.queue) == 0 {
			e.mu.Unlock()
			return
		}
		f := e.queue[0]
		e.queue = e.queue[1:]
		e.mu.Unlock()
		f()
	}
}
