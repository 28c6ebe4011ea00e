package ua

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"
)

// way returns how the far side is reached now.
func (l *Leg) way() path {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.path
}

// over reports whether the leg has ended.
func (l *Leg) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// follow takes the leg over to the connection on which req came, a request of its
// own dialog, where that is a newer one: a phone that lost its connection is no
// longer reached at the old address. It does so over TLS alone, where nobody on the
// way can have read the tags that prove the dialog.
func (l *Leg) follow(req *sip.Request) {
	source, err := netip.ParseAddrPort(req.Source())
	if err != nil || sip.NetworkToLower(req.Transport()) != "tls" {
		return
	}
	source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	if s := l.e.streams.open("tls", source); s != nil {
		l.move(l.e.along(s, path{network: "tls", peer: source}), false)
	}
}

// move takes the leg over to p, where p's connection is newer and, with broken set,
// the leg's own is closed. It reports whether it did.
func (l *Leg) move(p path, broken bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.path.stream
	if l.ended || l.path.network != p.network || old == nil || !p.stream.opened.After(old.opened) {
		return false
	}
	if broken {
		select {
		case <-old.closed:
		default:
			return false
		}
	}
	l.path = p
	return true
}

// rejoin takes the legs whose connection broke over to p, on which a phone has just
// registered anew, and asks there at once about each call: a registrar that knows it
// learns where we are now, one that does not ends it.
func (e *Endpoint) rejoin(p path) {
	if p.stream == nil {
		return
	}
	e.mu.Lock()
	legs := slices.Collect(maps.Values(e.legs))
	e.mu.Unlock()
	for _, l := range legs {
		select {
		case <-l.up:
			if l.move(p, true) {
				e.spawnTalk("rejoin", func() { l.recall(registerTime) })
			}
		default: // whoever dials or answers sees that the connection broke
		}
	}
}

// recall ends the leg where the far side says that it knows nothing of the call.
// Where nothing is heard within limit it goes on: the next connection, or the next
// look at the leg's silence, will tell.
func (l *Leg) recall(limit time.Duration) {
	ctx, cancel := context.WithTimeout(l.e.dead, limit)
	defer cancel()
	if unknown, err := l.unknown(ctx); err != nil || !unknown {
		l.e.log.Debug("call goes on over a new connection", "call", l.callID, "err", err)
		return
	}
	l.gone(ctx, nil)
}
