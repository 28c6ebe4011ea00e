package rtp

import (
	"net/netip"
	"slices"
	"sync"
)

// pumps read the sockets that may be shared. A goroutine for each socket would be
// woken for every packet, look once more whether there is another, and sleep again;
// that costs more than the packet itself. A pump is woken once for all packets that
// have come meanwhile.
type pumps struct {
	mu   sync.Mutex
	all  []*pump // that have sockets; guarded by mu
	last int32   // number of a socket; guarded by mu
}

// pumpful is how many sockets a pump reads before there is another: at fifty
// packets a second each, they leave most of a processor free.
const pumpful = 512

// bind returns a socket that a pump can read; a lone one for IPv6.
func (ps *pumps) bind(a netip.AddrPort) (socket, error) {
	if !a.Addr().Is4() {
		return bindLone(a)
	}
	fd, port, err := openInet4(a)
	if err != nil {
		return nil, err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.last++
	return &pumped{pumps: ps, id: ps.last, fd: fd, number: port, waited: make(chan struct{})}, nil
}

// add has a pump read s, and starts one where all are full.
func (ps *pumps) add(s *pumped, fd int) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.all {
		if p.size() < pumpful {
			return ps.assign(p, s, fd)
		}
	}
	p, err := newPump()
	if err != nil {
		return err
	}
	if err := ps.assign(p, s, fd); err != nil {
		p.close()
		return err
	}
	ps.all = append(ps.all, p)
	go p.run(128) // until its last socket leaves
	return nil
}

// assign has p read s.
func (ps *pumps) assign(p *pump, s *pumped, fd int) error {
	old := s.reader.Swap(p) // before p finds something
	err := p.add(s, fd)
	if err != nil {
		s.reader.Store(old)
	}
	return err
}

// remove has p read s no more; after the last one it ends.
func (ps *pumps) remove(p *pump, s *pumped, fd int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.remove(s, fd)
	if p.size() > 0 {
		return
	}
	p.close()
	ps.all = slices.DeleteFunc(ps.all, func(other *pump) bool { return other == p })
}
