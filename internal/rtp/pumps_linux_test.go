package rtp

import (
	"net/netip"
	"sync"
	"testing"
)

// TestPumpsAreStartedAndEnded shares more sockets than one pump reads.
func TestPumpsAreStartedAndEnded(t *testing.T) {
	ports := new(pumps)
	pumpsNow := func() int {
		ports.mu.Lock()
		defer ports.mu.Unlock()
		return len(ports.all)
	}
	in := make(chan string, pumpful+1)
	var running sync.WaitGroup
	var all []socket
	for range pumpful + 1 {
		s, err := ports.bind(netip.AddrPortFrom(loopback, 0))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
		s.share(true)
		running.Go(func() { s.run(func(b []byte, _ netip.AddrPort) { in <- string(b) }) })
	}
	c := stranger(t)
	for range 2 {
		for _, s := range all {
			if _, err := c.WriteToUDPAddrPort([]byte("x"), at(s)); err != nil {
				t.Fatal(err)
			}
			got(t, in)
		}
		if n := pumpsNow(); n != 2 {
			t.Errorf("%d pumps", n)
		}
	}
	for _, s := range all[1:] {
		s.share(false)
	}
	if n := pumpsNow(); n != 1 {
		t.Errorf("%d pumps for one socket", n)
	}
	for _, s := range all {
		if _, err := c.WriteToUDPAddrPort([]byte("x"), at(s)); err != nil {
			t.Fatal(err)
		}
		got(t, in)
		s.end()
	}
	running.Wait()
	if n := pumpsNow(); n != 0 {
		t.Errorf("%d pumps at the end", n)
	}
}
