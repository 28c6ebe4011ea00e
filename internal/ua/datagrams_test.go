package ua

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
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

// split is a request in which a comma within quotes splits a Via for the stack's
// parser alone.
var split = strings.Replace(options, ";rport", `;rport;x="a,b"`, 1)

// TestWhatTheStackDoesNotTakeIsRefused sends what passes the guard, but not the
// parser of the stack, which drops it without a word.
func TestWhatTheStackDoesNotTakeIsRefused(t *testing.T) {
	e := busy(t)
	for _, wary := range []bool{false, true} {
		e.udp.wary.Store(wary)
		p := dialRaw(t, "udp", at(e, "udp"))
		for i, c := range []struct{ msg, want string }{{split, "SIP/2.0 400 "}, {options, "SIP/2.0 200 "}, {split, "SIP/2.0 400 "}} {
			fmt.Fprint(p, crlf(fmt.Sprintf(c.msg, i, i)))
			if msg := p.read(t); !strings.HasPrefix(msg, c.want) {
				t.Errorf("wary %t: %q answered %q", wary, c.msg, msg)
			}
		}
	}
}

// TestPanicOfTheStackIsSurvived lets the stack panic where it parses: it goes on, and
// from then on the parser is tried first.
func TestPanicOfTheStackIsSurvived(t *testing.T) {
	var cfg Config
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.stack.TransportLayer().OnMessage(func(m sip.Message) {
		if m.CallID().Value() == "opt13" {
			panic("a message that the parser does not survive")
		}
	})
	run(t, e)
	fmt.Fprint(dialRaw(t, "udp", at(e, "udp")), crlf(fmt.Sprintf(options, 13, 13)))
	p := dialRaw(t, "udp", at(e, "udp"))
	for n := range 3 {
		fmt.Fprint(p, crlf(fmt.Sprintf(options, n, n)))
		if msg := p.read(t); !strings.HasPrefix(msg, "SIP/2.0 200 ") {
			t.Errorf("OPTIONS %d answered %q", n, msg)
		}
	}
	if !e.udp.wary.Load() {
		t.Error("not wary after a panic")
	}
}
