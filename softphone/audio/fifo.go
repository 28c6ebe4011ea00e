package audio

import "sync/atomic"

// A fifo passes samples from the thread of a sound card to a goroutine without
// locks. One side writes, the other reads.
type fifo struct {
	buf   []int16       // its length is a power of two
	wrote atomic.Uint64 // samples written so far
	read  atomic.Uint64 // samples read so far
}

func newFifo(size int) *fifo {
	n := 1
	for n < size {
		n *= 2
	}
	return &fifo{buf: make([]int16, n)}
}

// put appends as many of samples as there is room for.
func (f *fifo) put(samples []int16) {
	at := f.wrote.Load()
	room := len(f.buf) - int(at-f.read.Load())
	samples = samples[:min(len(samples), room)]
	for i, s := range samples {
		f.buf[(at+uint64(i))&uint64(len(f.buf)-1)] = s
	}
	f.wrote.Store(at + uint64(len(samples)))
}

// len returns how many samples wait.
func (f *fifo) len() int { return int(f.wrote.Load() - f.read.Load()) }

// get fills dst with the oldest samples; there must be as many.
func (f *fifo) get(dst []int16) {
	at := f.read.Load()
	for i := range dst {
		dst[i] = f.buf[(at+uint64(i))&uint64(len(f.buf)-1)]
	}
	f.read.Store(at + uint64(len(dst)))
}

// skip drops the n oldest samples; there must be as many.
func (f *fifo) skip(n int) { f.read.Add(uint64(n)) }
