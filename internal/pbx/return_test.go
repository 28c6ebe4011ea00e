package pbx

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
)

// A cable is a way to an address that can be cut.
type cable struct {
	end  netip.AddrPort // to connect to
	over sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
	dead  bool       // guarded by mu; nothing gets through any more
}

// newCable leads to the address to.
func newCable(t *testing.T, to netip.AddrPort) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{end: addr(l.Addr())}
	t.Cleanup(func() {
		l.Close()
		c.cut(false)
		c.over.Wait()
	})
	c.over.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to.String())
			if err != nil {
				t.Error(err)
				near.Close()
				return
			}
			c.carry(near, far)
		}
	})
	return c
}

// carry joins two connections.
func (c *cable) carry(near, far net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, near, far)
	if c.dead {
		return
	}
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		c.over.Go(func() {
			io.Copy(way[0], way[1])
			way[0].Close()
		})
	}
}

// cut breaks all connections; with dead set nothing gets through any more.
func (c *cable) cut(dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = dead
	for _, n := range c.conns {
		n.Close()
	}
	c.conns = nil
}

func TestPhoneThatLosesItsConnectionRingsAgain(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.ringsFor(t, "102", patient)
	ana, way := x.unregistered(t, "101", "udp"), newCable(t, x.tls)
	x.tls = way.end
	luis := x.phone(t, "102", "tls")
	rung, _ := luis.rings()
	talks := make(chan *talk, 1)
	go func() { talks <- ana.call("102", 440) }()
	receive(t, rung, "the call")
	answered := luis.answers(880)
	way.cut(false)
	receive(t, answered, "the call again")
	k := receive(t, talks, "the answer")
	k.hears(t, 880)
	k.hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.Answered {
		t.Errorf("callee's log %+v", in)
	}
}

func TestPhoneThatDoesNotComeBackKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.ringsFor(t, "102", patient)
	ana, way := x.unregistered(t, "101", "udp"), newCable(t, x.tls)
	x.tls = way.end
	rung, _ := x.phone(t, "102", "tls").rings()
	talks := make(chan *talk, 1)
	go func() { talks <- ana.call("102", 440) }()
	receive(t, rung, "the call")
	start := time.Now()
	way.cut(true)
	k := receive(t, talks, "voicemail")
	if waited := time.Since(start); waited > returnTime+2*time.Second {
		t.Errorf("voicemail answers after %v", waited)
	}
	k.hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.NoAnswer {
		t.Errorf("callee's log %+v", in)
	}
}
