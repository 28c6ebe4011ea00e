package rtp

import (
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A pump reads many sockets, one datagram of each that has any at a time. What it
// waits for is the descriptor of an epoll, which the scheduler watches as it does
// any other: it is woken by the first datagram, and finds all that came with it.
type pump struct {
	file *os.File // the epoll
	conn syscall.RawConn

	mu      sync.Mutex
	sockets map[int32]*pumped // by id; guarded by mu
}

func newPump() (*pump, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that the scheduler watches it
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &pump{file: os.NewFile(uintptr(fd), "epoll"), sockets: make(map[int32]*pumped)}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pump) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sockets)
}

// add has p read s, whose descriptor fd is open.
func (p *pump) add(s *pumped, fd int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.control(unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.id})
	if err == nil {
		p.sockets[s.id] = s
	}
	return err
}

// remove has p read s no more, but for a datagram that it reads just now.
func (p *pump) remove(s *pumped, fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sockets, s.id)
	_ = p.control(unix.EPOLL_CTL_DEL, fd, nil)
}

func (p *pump) control(op, fd int, event *unix.EpollEvent) (err error) {
	if err1 := p.conn.Control(func(epoll uintptr) { err = unix.EpollCtl(int(epoll), op, fd, event) }); err1 != nil {
		return err1
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// close makes run return.
func (p *pump) close() { p.file.Close() }

// run reads until close, so many sockets at a time at most.
func (p *pump) run(most int) {
	events, in, n := make([]unix.EpollEvent, most), &inbox{}, uintptr(0)
	look := func(epoll uintptr) bool {
		var errno syscall.Errno // it does not wait, so that the scheduler need not know
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		if errno != 0 {
			n = 0
		}
		return n > 0
	}
	for p.conn.Read(look) == nil {
		for i := range events[:n] {
			p.mu.Lock()
			s := p.sockets[events[i].Fd]
			p.mu.Unlock()
			if s != nil {
				s.read(p, in)
			}
		}
	}
}
