package ua

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestStrangersLeaveNothingBehind sends many of each request that nobody must
// prove himself for: its answer may cost work, but no memory.
func TestStrangersLeaveNothingBehind(t *testing.T) {
	digest := secrets(nil)
	digest.Allow = func(netip.Addr, string) time.Duration { return time.Minute }
	cfg := Config{
		Digest:     digest,
		OnInvite:   func(context.Context, *Incoming) { t.Error("a call came through") },
		OnRegister: func(context.Context, *Registration) { t.Error("a registration came through") },
	}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	p := dialRaw(t, "udp", at(start(t, cfg), "udp"))
	n := 0
	send := func(method, from, to, headers string, want int) {
		t.Helper()
		n++
		fmt.Fprint(p, crlf(fmt.Sprintf("%s sip:x@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK%d;rport\nFrom: <sip:a@h>%s\nTo: <sip:x@h>%s\n"+
			"Call-ID: %d\nCSeq: 1 %s\nMax-Forwards: 70\nContact: <sip:a@h>\n%sContent-Length: 0\n\n", method, n, from, to, n, method, headers)))
		if res := p.read(t); !strings.HasPrefix(res, fmt.Sprintf("SIP/2.0 %d ", want)) {
			t.Fatalf("%s answered\n%s", method, res)
		}
	}
	credentials := `Authorization: Digest username="dana", realm="timbre", nonce="n", uri="sip:h", response="r"` + "\n"
	for _, c := range []struct {
		method, from, to, headers string
		want                      int
	}{
		{"OPTIONS", ";tag=1", "", "", 200},
		{"OPTIONS", ";tag=1", ";tag=none", "", 481},
		{"OPTIONS", ";tag=1", "", "Require: 100rel\n", 420},
		{"BYE", ";tag=1", ";tag=none", "", 481},
		{"INFO", ";tag=1", ";tag=none", "", 481},
		{"UPDATE", ";tag=1", ";tag=none", "", 481},
		{"CANCEL", ";tag=1", "", "", 481},
		{"MESSAGE", ";tag=1", "", "", 405},
		{"SUBSCRIBE", ";tag=1", "", "", 489},
		{"DANCE", ";tag=1", "", "", 501},
		{"REGISTER", ";tag=1", "", "", 401},
		{"REGISTER", ";tag=1", "", credentials, 503},
		{"INVITE", ";tag=1", "", "", 401},
		{"INVITE", ";tag=1", "", credentials, 503},
		{"INVITE", ";tag=1", ";tag=none", "", 481},
		{"INVITE", "", "", "", 400},
		{"INVITE", ";tag=1", "", "Require: 100rel\n", 420},
	} {
		for range 10 { // whatever is made once
			send(c.method, c.from, c.to, c.headers, c.want)
		}
		const many = 500
		before := heap()
		for range many {
			send(c.method, c.from, c.to, c.headers, c.want)
		}
		if grown := int64(heap()-before) / many; grown > 512 {
			t.Errorf("%s answered %d: %d bytes are kept of each", c.method, c.want, grown)
		}
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFoldedLinesAreBounded folds one header field: every line copies the field so
// far, and 6,000 in one datagram took 80 ms.
func TestFoldedLinesAreBounded(t *testing.T) {
	head := "OPTIONS sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:x@h>\r\n" +
		"Call-ID: a\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nSubject: a"
	for folds, want := range map[int]int{maxFields: 0, maxFields + 1: 400, 5000: 400} {
		msg := []byte(head + strings.Repeat("\r\n b", folds) + "\r\nContent-Length: 0\r\n\r\n")
		if f := check(msg, false); f.status != want {
			t.Errorf("%d folded lines: %v", folds, f)
		}
		allocs := testing.AllocsPerRun(3, func() { check(msg, false) })
		if allocs > 4*maxFields {
			t.Errorf("%d folded lines: %.0f allocations", folds, allocs)
		}
	}
}

// TestConnectionsAreBoundedFromTheStart admits connections that have not shaken
// hands, and many addresses of one IPv6 customer, which count together.
func TestConnectionsAreBoundedFromTheStart(t *testing.T) {
	s := streams{byPeer: map[string]*stream{}, sources: map[netip.Prefix]int{}}
	n := 0
	for a := netip.MustParseAddr("192.0.2.1"); n < maxStreams+1 && s.admit(a); n++ {
		if n%100 == 99 {
			a = a.Next()
		}
	}
	if n != maxStreams {
		t.Errorf("%d connections were admitted", n)
	}
	s.leave(netip.MustParseAddr("192.0.2.1"))
	if !s.admit(netip.MustParseAddr("198.51.100.1")) {
		t.Error("the place of one that left is not given away")
	}
	n = 0
	s = streams{byPeer: map[string]*stream{}, sources: map[netip.Prefix]int{}}
	for a := netip.MustParseAddr("2001:db8::1"); n <= maxStreamsPerSource && s.admit(a); n++ {
		a = a.Next()
	}
	if n != maxStreamsPerSource {
		t.Errorf("%d connections of one IPv6 customer were admitted", n)
	}
}
