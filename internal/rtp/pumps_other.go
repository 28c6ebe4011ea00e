//go:build !linux

package rtp

import "net/netip"

// pumps are a thing of Linux.
type pumps struct{}

func (*pumps) bind(a netip.AddrPort) (socket, error) { return bindLone(a) }
