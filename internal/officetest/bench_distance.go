package officetest

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// A distance lies between clients and a server: what is sent arrives half a round
// trip later, a connection takes one to be made, and no more may be under way
// than TCP's slow start allows (RFC 5681, RFC 6928). Nothing is lost.
type distance struct {
	listener net.Listener
	to       string
	trip     time.Duration // of a round trip
	end      context.CancelFunc
	parts    sync.WaitGroup
}

// newDistance opens a way to a server that is so far away. Close it after use.
func newDistance(ctx context.Context, to string, trip time.Duration) (*distance, error) {
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	d := &distance{listener: l, to: to, trip: trip, end: end}
	context.AfterFunc(ctx, func() { l.Close() })
	d.parts.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.parts.Go(func() { d.connect(ctx, c) })
		}
	})
	return d, nil
}

// addr returns where the near end is.
func (d *distance) addr() string { return d.listener.Addr().String() }

// close cuts all connections.
func (d *distance) close() {
	d.end()
	d.parts.Wait()
}

// connect carries a connection both ways until either side ends it.
func (d *distance) connect(ctx context.Context, near net.Conn) {
	opened := time.Now()
	defer near.Close()
	far, err := net.Dial("tcp", d.to)
	if err != nil {
		return
	}
	defer far.Close()
	stop := context.AfterFunc(ctx, func() { near.Close(); far.Close() })
	defer stop()
	var ways sync.WaitGroup
	for _, w := range [][2]net.Conn{{near, far}, {far, near}} {
		ways.Go(func() {
			d.carry(w[1], w[0], opened.Add(d.trip))
			near.Close()
			far.Close()
		})
	}
	ways.Wait()
}

// A parcel is what arrives at one moment; nil: the end.
type parcel struct {
	at   time.Time
	data []byte
}

// carry copies what comes from src to dst, no sooner than open and later by half
// a trip.
func (d *distance) carry(dst io.Writer, src io.Reader, open time.Time) {
	under := make(chan parcel, 1<<12)
	var arriving sync.WaitGroup
	arriving.Go(func() {
		for p := range under {
			time.Sleep(time.Until(p.at))
			if _, err := dst.Write(p.data); err != nil {
				break
			}
		}
		for range under { // nobody is left to hear it
		}
	})
	f := flow{trip: d.trip, window: firstWindow, now: open}
	for {
		data := make([]byte, segmentSize)
		n, err := src.Read(data)
		if n > 0 {
			under <- parcel{f.depart(time.Now(), n).Add(d.trip / 2), data[:n]}
		}
		if err != nil {
			under <- parcel{f.depart(time.Now(), 0).Add(d.trip / 2), nil}
			close(under)
			arriving.Wait()
			return
		}
	}
}

// What TCP sends at once.
const (
	segmentSize = 1460
	firstWindow = 10 * segmentSize // RFC 6928
)

// A flow is one way of a connection whose sender is in slow start: each octet that
// is acknowledged allows two more.
type flow struct {
	trip   time.Duration
	now    time.Time // nothing departs before
	window int       // octets that may be under way
	flying int       // those that are
	acks   []ack     // that will come, in order
}

type ack struct {
	at time.Time
	n  int
}

// depart returns when n octets, which were given to the sender at t, leave it.
func (f *flow) depart(t time.Time, n int) time.Time {
	if t.After(f.now) {
		f.now = t
	}
	for len(f.acks) > 0 && (f.flying+n > f.window || !f.acks[0].at.After(f.now)) {
		a := f.acks[0]
		f.acks = f.acks[1:]
		if a.at.After(f.now) {
			f.now = a.at
		}
		f.flying -= a.n
		f.window += a.n
	}
	f.flying += n
	f.acks = append(f.acks, ack{f.now.Add(f.trip), n})
	return f.now
}
