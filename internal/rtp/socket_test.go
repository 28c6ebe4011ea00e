package rtp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/sdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// eachKind runs a test with each kind of socket that this system has.
func eachKind(t *testing.T, test func(t *testing.T, bind func() socket)) {
	ports := new(pumps)
	for _, kind := range []struct {
		name   string
		bind   func(netip.AddrPort) (socket, error)
		shared bool
	}{{"lone", bindLone, false}, {"of the system", ports.bind, false}, {"shared", ports.bind, true}} {
		t.Run(kind.name, func(t *testing.T) {
			test(t, func() socket {
				s, err := kind.bind(netip.AddrPortFrom(loopback, 0))
				if err != nil {
					t.Fatal(err)
				}
				s.share(kind.shared)
				return s
			})
		})
	}
}

// at is where s is reached.
func at(s socket) netip.AddrPort { return netip.AddrPortFrom(loopback, s.port()) }

// stranger returns another socket of this machine.
func stranger(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// got waits for a datagram.
func got(t *testing.T, in <-chan string) string {
	t.Helper()
	select {
	case s := <-in:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		return ""
	}
}

func TestSocketsCarry(t *testing.T) {
	eachKind(t, func(t *testing.T, bind func() socket) {
		a, b := bind(), bind()
		in := make(chan string, 100)
		var running sync.WaitGroup
		running.Go(func() {
			b.run(func(p []byte, from netip.AddrPort) {
				if from != at(a) {
					t.Errorf("it came from %v, not %v", from, at(a))
				}
				in <- string(p)
			})
		})
		for i := range 60 {
			b.share(i%3 == 0)
			if err := a.write([]byte{byte(i), 7}, at(b)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 60 {
			if s := got(t, in); s != string([]byte{byte(i), 7}) {
				t.Fatalf("%q in the place of %d", s, i)
			}
		}
		if err := a.write(nil, at(b)); err != nil {
			t.Error(err)
		}
		if err := a.write(bytes.Repeat([]byte{1}, 70000), at(b)); err != nil {
			t.Errorf("what the network cannot carry is no error: %v", err)
		}
		a.end() // it never ran
		b.end()
		running.Wait()
		b.end()
		for _, s := range []socket{a, b} {
			if err := s.write([]byte{1}, at(b)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
			s.share(true)
			s.share(false)
		}
		a.run(func([]byte, netip.AddrPort) { t.Error("a closed socket reads") })
	})
}

func TestSocketEndsFromWithin(t *testing.T) {
	eachKind(t, func(t *testing.T, bind func() socket) {
		s, c := bind(), stranger(t)
		if _, err := c.WriteToUDPAddrPort([]byte("x"), at(s)); err != nil {
			t.Fatal(err)
		}
		s.run(func([]byte, netip.AddrPort) { s.end() })
	})
}

// TestPanicLeavesTheOthers has one socket panic while others go on.
func TestPanicLeavesTheOthers(t *testing.T) {
	eachKind(t, func(t *testing.T, bind func() socket) {
		c := stranger(t)
		var others sync.WaitGroup
		in := make(chan string, 100)
		var all []socket
		for range 8 {
			s := bind()
			all = append(all, s)
			others.Go(func() { s.run(func(p []byte, _ netip.AddrPort) { in <- string(p) }) })
		}
		bad := bind()
		if _, err := c.WriteToUDPAddrPort([]byte("x"), at(bad)); err != nil {
			t.Fatal(err)
		}
		var what any
		func() {
			defer func() { what = recover() }()
			bad.run(func([]byte, netip.AddrPort) { panic("odd") })
		}()
		if !strings.HasPrefix(fmt.Sprint(what), "odd") {
			t.Errorf("run ended with %v", what)
		}
		bad.end()
		for i, s := range all {
			if _, err := c.WriteToUDPAddrPort(fmt.Append(nil, i), at(s)); err != nil {
				t.Fatal(err)
			}
			if text := got(t, in); text != fmt.Sprint(i) {
				t.Errorf("%q", text)
			}
			s.end()
		}
		others.Wait()
	})
}

// TestSocketsComeAndGo opens, uses and closes many at once: none may read or
// close what belongs to another.
func TestSocketsComeAndGo(t *testing.T) {
	eachKind(t, func(t *testing.T, bind func() socket) {
		var workers sync.WaitGroup
		for w := range 8 {
			workers.Go(func() {
				for i := range 60 {
					a, b := bind(), bind()
					text := fmt.Sprintf("%d of %d", i, w)
					var running sync.WaitGroup
					running.Go(func() { a.run(func(p []byte, from netip.AddrPort) { _ = a.write(p, from) }) })
					running.Go(func() {
						b.run(func(p []byte, _ netip.AddrPort) {
							if string(p) != text {
								t.Errorf("%q in the place of %q", p, text)
							}
							a.end()
							b.end()
						})
					})
					if err := b.write([]byte(text), at(a)); err != nil {
						t.Error(err)
						a.end()
						b.end()
					}
					running.Wait()
				}
			})
		}
		workers.Wait()
	})
}

// TestRelayAllocatesNothing takes plain packets of one session to another: hundreds
// of calls leave nothing to be collected.
func TestRelayAllocatesNothing(t *testing.T) {
	var sessions [2]*Session
	far := stranger(t).LocalAddr().(*net.UDPAddr).AddrPort()
	for i := range sessions {
		s, err := Open(new(Ports), loopback, loopback, loopback)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f := Formats{Codec: sdp.PCMA, CodecOurs: sdp.PCMA.PayloadType}
		if err := s.Agree(&sdp.Media{Addr: far.Addr(), Port: int(far.Port())}, f, nil, nil); err != nil {
			t.Fatal(err)
		}
		sessions[i] = s
	}
	sessions[0].Carry(func(p *Packet) { _ = sessions[1].Write(p) })
	datagram := rtpBytes(sdp.PCMA.PayloadType, 1, 160, 7, strings.Repeat("x", 160))
	var p Packet
	take := func() {
		if !sessions[0].accept(datagram, far, &p) {
			t.Fatal("a packet is refused")
		}
		sessions[0].deliver(&p)
	}
	take() // the first one makes what stays
	const runs = 200
	if n := testing.AllocsPerRun(runs, take); n > 0 {
		t.Errorf("%v allocations for each packet", n)
	}
	if n := sessions[1].Stats().SentPackets; n != runs+2 {
		t.Errorf("%d packets were sent", n)
	}
}
