package officetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// A NAT is a piece of the Internet in network namespaces of this machine:
//
//	server 10.77.1.2 ── router 198.51.100.1 ── router 198.51.100.2 ── phones 10.77.2.2
//
// Both routers hide what is behind them with ports chosen at random, and the
// server's forwards the ports of HTTPS, SIPS and RTP.
type NAT struct {
	names [4]string // of the namespaces, from the server to the phones
}

// The addresses and ports of a NAT.
const (
	NATPublic = "198.51.100.1"
	NATHTTPS  = 8443
	NATSIPS   = 5061
	NATRTPMin = 20000
	NATRTPMax = 20099
)

// ErrNotRoot means that this user may not make network namespaces.
var ErrNotRoot = errors.New("making network namespaces needs root")

// NewNAT makes the namespaces; Close removes them. It needs root, ip and nft.
func NewNAT(ctx context.Context) (*NAT, error) {
	if os.Geteuid() != 0 {
		return nil, ErrNotRoot
	}
	if err := errors.Join(Have("ip", "iproute2"), Have("nft", "nftables")); err != nil {
		return nil, err
	}
	n := &NAT{}
	for i, what := range []string{"server", "east", "west", "phones"} {
		n.names[i] = fmt.Sprintf("timbre-%d-%s", os.Getpid(), what)
	}
	if err := n.build(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// build makes namespaces, wires and routes.
func (n *NAT) build(ctx context.Context) error {
	server, east, west, phones := n.names[0], n.names[1], n.names[2], n.names[3]
	var script []string
	line := func(format string, args ...any) { script = append(script, fmt.Sprintf(format, args...)) }
	for _, ns := range n.names {
		line("ip netns add %s", ns)
		line("ip -n %s link set lo up", ns)
	}
	for _, wire := range []struct{ a, aDevice, aAddr, b, bDevice, bAddr string }{
		{server, "lan", "10.77.1.2/24", east, "lan", "10.77.1.1/24"},
		{east, "wan", NATPublic + "/24", west, "wan", "198.51.100.2/24"},
		{west, "lan", "10.77.2.1/24", phones, "lan", "10.77.2.2/24"},
	} {
		line("ip link add %s netns %s type veth peer name %s netns %s", wire.aDevice, wire.a, wire.bDevice, wire.b)
		line("ip -n %s addr add %s dev %s", wire.a, wire.aAddr, wire.aDevice)
		line("ip -n %s addr add %s dev %s", wire.b, wire.bAddr, wire.bDevice)
		line("ip -n %s link set %s up", wire.a, wire.aDevice)
		line("ip -n %s link set %s up", wire.b, wire.bDevice)
	}
	line("ip -n %s route add default via 10.77.1.1", server)
	line("ip -n %s route add default via 10.77.2.1", phones)
	for _, ns := range []string{east, west} {
		line("ip netns exec %s nft add table ip nat", ns)
		line("ip netns exec %s nft add chain ip nat out { type nat hook postrouting priority 100 ; }", ns)
		line("ip netns exec %s nft add chain ip nat in { type nat hook prerouting priority -100 ; }", ns)
		line("ip netns exec %s nft add rule ip nat out oifname wan masquerade fully-random", ns)
		// A stranger from outside reaches nobody inside.
		line("ip netns exec %s nft add table ip filter", ns)
		line("ip netns exec %s nft add chain ip filter forward { type filter hook forward priority 0 ; }", ns)
		line("ip netns exec %s nft add rule ip filter forward iifname wan ct state new ct status dnat accept", ns)
		line("ip netns exec %s nft add rule ip filter forward iifname wan ct state new drop", ns)
	}
	line("ip netns exec %s nft add rule ip nat in iifname wan tcp dport { %d, %d } dnat to 10.77.1.2", east, NATHTTPS, NATSIPS)
	line("ip netns exec %s nft add rule ip nat in iifname wan udp dport %d-%d dnat to 10.77.1.2", east, NATRTPMin, NATRTPMax)
	for _, l := range script {
		words := strings.Fields(l)
		if _, err := run(ctx, "", words[0], words[1:]...); err != nil {
			return err
		}
	}
	for _, ns := range []string{east, west} {
		if _, err := run(ctx, "1", "ip", "netns", "exec", ns, "tee", "/proc/sys/net/ipv4/ip_forward"); err != nil {
			return err
		}
	}
	return nil
}

// Server is what to put before the command line of the server.
func (n *NAT) Server() []string { return []string{"ip", "netns", "exec", n.names[0]} }

// Phones is what to put before the command line of a phone.
func (n *NAT) Phones() []string { return []string{"ip", "netns", "exec", n.names[3]} }

// Close removes the namespaces, whose processes must have ended.
func (n *NAT) Close() error {
	var errs []error
	for _, ns := range n.names {
		if _, err := os.Stat("/run/netns/" + ns); err == nil {
			_, err := run(context.Background(), "", "ip", "netns", "del", ns)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
