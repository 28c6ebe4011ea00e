package media

import "sync/atomic"

// A soundRing carries samples from one goroutine to another, neither of which ever
// waits. Where it is full, what comes is lost.
type soundRing struct {
	samples [1 << 14]int16 // a second
	in, out atomic.Int64   // samples so far
}

// put is called by the one goroutine.
func (r *soundRing) put(samples []int16) {
	in := r.in.Load()
	if int(in-r.out.Load())+len(samples) > len(r.samples) {
		return
	}
	for i, s := range samples {
		r.samples[(in+int64(i))%int64(len(r.samples))] = s
	}
	r.in.Store(in + int64(len(samples)))
}

// take fills dst as far as it can and returns how far. It is called by the other.
func (r *soundRing) take(dst []int16) int {
	out := r.out.Load()
	n := min(len(dst), int(r.in.Load()-out))
	for i := range n {
		dst[i] = r.samples[(out+int64(i))%int64(len(r.samples))]
	}
	r.out.Store(out + int64(n))
	return n
}
