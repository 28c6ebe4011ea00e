package ua

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestSourcesAreForgotten makes up so many sources that the stack must begin a
// new shift, and looks whether it still answers and has forgotten the old ones.
func TestSourcesAreForgotten(t *testing.T) {
	var cfg Config
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	made := &madeUp{PacketConn: cfg.UDP, left: 1000, msg: []byte(crlf(fmt.Sprintf(options, 5, 5)))}
	cfg.UDP = made
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.udp.most = 100
	began := time.Now()
	run(t, e)
	p := dialRaw(t, "udp", at(e, "udp"))
	pool := e.stack.TransportLayer().Pool("udp")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	over := time.After(limit)
	for i := 0; i == 0 || pool.Size() > 10; i++ { // the answer shows that all were heard
		fmt.Fprint(p, crlf(fmt.Sprintf(options, 77+i, 77+i)))
		if msg := p.read(t); !strings.HasPrefix(msg, "SIP/2.0 200 ") {
			t.Fatalf("OPTIONS answered %q", msg)
		}
		if took := time.Since(began); i == 0 && took > 5*time.Second { // ten shifts
			t.Errorf("reading paused: the first answer came after %v", took)
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%d sources are remembered", pool.Size())
		}
	}
}

// madeUp is a socket that hears made-up sources before real ones.
type madeUp struct {
	net.PacketConn
	left int
	msg  []byte
}

func (m *madeUp) ReadFrom(b []byte) (int, net.Addr, error) {
	if m.left == 0 {
		return m.PacketConn.ReadFrom(b)
	}
	m.left--
	return copy(b, m.msg), net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 9, byte(m.left >> 8), byte(m.left)}), 9)), nil
}

func (m *madeUp) WriteTo(b []byte, addr net.Addr) (int, error) {
	if remote(addr).Port() == 9 {
		return len(b), nil
	}
	return m.PacketConn.WriteTo(b, addr)
}
