package officetest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports for programs that cannot choose one themselves lie beneath those that the
// kernel gives away, so that nobody gets them in the meantime.
const (
	firstPort = 10_000
	lastPort  = 30_000
)

// FreePort returns an even UDP port of the loopback interface that is free.
func FreePort() (int, error) { return freeUDP(0) }

// freeUDP returns an even UDP port of the loopback interface that is free,
// together with the neighbours that follow it.
func freeUDP(neighbours int) (int, error) {
	return anyFree(func(addr func(int) string) error {
		for i := range neighbours + 1 {
			c, err := net.ListenPacket("udp", addr(i))
			if err != nil {
				return err
			}
			c.Close()
		}
		return nil
	})
}

// freeTCP returns a TCP port of the loopback interface that is free.
func freeTCP() (int, error) {
	return anyFree(func(addr func(int) string) error {
		l, err := net.Listen("tcp", addr(0))
		if err == nil {
			l.Close()
		}
		return err
	})
}

// anyFree returns an even port that try finds to be free.
func anyFree(try func(addr func(neighbour int) string) error) (int, error) {
	for range 100 {
		port := firstPort + 2*rand.IntN((lastPort-firstPort)/2)
		err := try(func(neighbour int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+neighbour)) })
		if err == nil {
			return port, nil
		}
	}
	return 0, errors.New("no free ports")
}
