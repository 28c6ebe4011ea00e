package officetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// BareRelay is the least that a relay of n calls can be: each packet that comes
// in on one of two sockets goes out of the other, to where the last packet came
// from there. It is what the office's relay is compared with, in a process of its
// own; it prints the ports on w and runs until ctx ends.
func BareRelay(ctx context.Context, n int, w io.Writer) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range n {
		var conns [2]*net.UDPConn
		var peers [2]struct {
			sync.Mutex
			addr netip.AddrPort
		}
		for i := range conns {
			c, err := loopback()
			if err != nil {
				return err
			}
			conns[i] = c
			context.AfterFunc(ctx, func() { c.Close() })
			fmt.Fprintln(w, c.LocalAddr().(*net.UDPAddr).Port)
		}
		for i := range conns {
			wg.Go(func() {
				buf := make([]byte, 1500)
				for {
					size, from, err := conns[i].ReadFromUDPAddrPort(buf)
					if err != nil {
						return
					}
					peers[i].Lock()
					peers[i].addr = from
					peers[i].Unlock()
					other := &peers[1-i]
					other.Lock()
					to := other.addr
					other.Unlock()
					if to.IsValid() {
						conns[1-i].WriteToUDPAddrPort(buf[:size], to)
					}
				}
			})
		}
	}
	fmt.Fprintln(w, "ready")
	<-ctx.Done()
	return nil
}

func loopback() (*net.UDPConn, error) {
	return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

// bareCost returns what a bare relay of n calls takes, and how long it keeps their
// packets. The command line bare, followed by n, runs BareRelay.
func bareCost(ctx context.Context, bare []string, n int) (cost spending, delays Delays, err error) {
	p, err := startProcess(ctx, bare[0], append(bare[1:len(bare):len(bare)], strconv.Itoa(n))...)
	if err != nil {
		return cost, nil, err
	}
	defer p.Kill()
	if _, _, err := p.Line(ctx, 0, func(l string) bool { return l == "ready" }); err != nil {
		return cost, nil, err
	}
	cost, err = spentBy(p, func() (err error) {
		delays, err = flood(ctx, p.Lines()[:2*n], shortTime)
		return err
	})
	return cost, delays, err
}

// flood sends packets like those of G.711 to each port, fifty a second, and
// returns how long those that came back were on their way.
func flood(ctx context.Context, ports []string, long time.Duration) (Delays, error) {
	conns, all := make([]*net.UDPConn, len(ports)), make([]Delays, len(ports))
	to := make([]netip.AddrPort, len(ports))
	var wg sync.WaitGroup
	stop := func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
		wg.Wait()
	}
	defer stop()
	for i := range ports {
		var err error
		if to[i], err = netip.ParseAddrPort("127.0.0.1:" + ports[i]); err != nil {
			return nil, err
		}
		c, err := loopback()
		if err != nil {
			return nil, err
		}
		conns[i] = c
		wg.Go(func() {
			for buf := make([]byte, 1500); ; {
				if _, err := c.Read(buf); err != nil {
					return
				}
				all[i] = append(all[i], sentAgo(buf))
			}
		})
	}
	packet := make([]byte, 172)
	err := paced(ctx, len(ports), long, func(i int) error {
		stamp(packet)
		_, err := conns[i].WriteToUDPAddrPort(packet, to[i])
		return err
	})
	stop()
	return slices.Concat(all...), err
}
