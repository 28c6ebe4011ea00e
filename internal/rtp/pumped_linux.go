package rtp

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A pumped socket is read by a pump of its own, in the goroutine of run, or by one
// that reads others too. Most never need a pump of their own.
type pumped struct {
	pumps  *pumps
	id     int32 // in pumps
	number uint16

	mu      sync.Mutex
	running bool  // guarded by mu
	shared  bool  // guarded by mu
	own     *pump // nil: not needed yet; guarded by mu, set once, before waited is closed

	waited chan struct{}        // closed when there is something for run to do
	ended  atomic.Bool          // changed under mu
	reader atomic.Pointer[pump] // that reads it: own, or one of pumps; nil: none; changed under mu

	reading sync.Mutex // held while take runs; before writing
	take    func(b []byte, from netip.AddrPort)
	broken  error // what take has panicked with; guarded by reading

	writing sync.Mutex
	fd      int // -1: closed; changed under reading and writing
	to      unix.RawSockaddrInet4
}

// openInet4 returns a socket on a and its port.
func openInet4(a netip.AddrPort) (fd int, port uint16, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	var name unix.Sockaddr
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}); err == nil {
		name, err = unix.Getsockname(fd)
	}
	if err != nil {
		closeInet4(fd)
		return 0, 0, os.NewSyscallError("bind", err)
	}
	return fd, uint16(name.(*unix.SockaddrInet4).Port), nil
}

func closeInet4(fd int) { unix.Close(fd) }

func (s *pumped) port() uint16 { return s.number }

func (s *pumped) run(take func(b []byte, from netip.AddrPort)) {
	s.reading.Lock()
	s.take = take
	s.reading.Unlock()
	s.mu.Lock()
	s.running = true
	s.place()
	s.mu.Unlock()
	<-s.waited
	if s.own != nil {
		s.own.run(1)
	}
	s.end()
	s.close()
	if s.broken != nil {
		panic(s.broken)
	}
}

func (s *pumped) share(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared = on
	if s.running {
		s.place()
	}
}

// place has the right pump read s. mu must be held.
func (s *pumped) place() {
	old := s.reader.Load()
	alone := old != nil && old == s.own
	switch {
	case s.ended.Load():
	case !s.shared && !alone:
		_ = s.part(old) // without a descriptor for that it stays where it is
	case s.shared && alone:
		s.own.remove(s, s.fd)
		if s.pumps.add(s, s.fd) != nil {
			_ = s.own.add(s, s.fd)
		}
	case s.shared && old == nil:
		if s.pumps.add(s, s.fd) != nil {
			_ = s.part(nil)
		}
	}
}

// part gives s a pump of its own, instead of old, which may be nil. mu must be held.
func (s *pumped) part(old *pump) error {
	if s.own == nil {
		own, err := newPump()
		if err != nil {
			return err
		}
		s.own = own
		close(s.waited)
	}
	s.reader.Store(s.own)
	if old != nil {
		s.pumps.remove(old, s, s.fd)
	}
	return s.own.add(s, s.fd)
}

func (s *pumped) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.Swap(true) {
		return
	}
	if old := s.reader.Swap(nil); old != nil && old != s.own {
		s.pumps.remove(old, s, s.fd)
	}
	if s.own != nil {
		s.own.close()
	} else {
		close(s.waited)
	}
	if !s.running {
		s.close()
	}
}

// close waits until nobody uses the descriptor.
func (s *pumped) close() {
	s.reading.Lock()
	defer s.reading.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.fd >= 0 {
		closeInet4(s.fd)
		s.fd = -1
	}
}

func (s *pumped) write(b []byte, to netip.AddrPort) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.ended.Load() || s.fd < 0 {
		return net.ErrClosed
	}
	if len(b) == 0 || !to.Addr().Unmap().Is4() {
		return nil
	}
	s.to = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap(to.Port()), Addr: to.Addr().Unmap().As4()}
	// It does not wait, so that the scheduler need not know.
	unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0,
		uintptr(unsafe.Pointer(&s.to)), unix.SizeofSockaddrInet4)
	return nil
}

// An inbox is the memory for one datagram.
type inbox struct {
	buf    [maxDatagram]byte
	from   unix.RawSockaddrInet4
	length uint32
}

// read takes one datagram on behalf of p; where there are more, p is told again. A
// panic ends the socket, and nothing else.
func (s *pumped) read(p *pump, in *inbox) {
	s.reading.Lock()
	defer s.reading.Unlock()
	defer func() {
		if r := recover(); r != nil {
			s.broken = fmt.Errorf("%v\n%s", r, debug.Stack())
			s.end()
		}
	}()
	if s.reader.Load() != p || s.fd < 0 || s.broken != nil {
		return // it was taken away from p meanwhile
	}
	in.length = unix.SizeofSockaddrInet4
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&in.buf[0])), uintptr(len(in.buf)), 0,
		uintptr(unsafe.Pointer(&in.from)), uintptr(unsafe.Pointer(&in.length)))
	if errno != 0 {
		return // an ICMP message: the far side is not there yet
	}
	s.take(in.buf[:n], netip.AddrPortFrom(netip.AddrFrom4(in.from.Addr), swap(in.from.Port)))
}

// swap turns a port from the order of the network, which is not this machine's,
// and back.
func swap(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}
