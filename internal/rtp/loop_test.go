package rtp

import (
	"net/netip"
	"testing"

	"timbre/internal/sdp"
)

// TestNothingIsHeardOfOurselves lets two sessions that each send back what they hear
// name one another as their far sides, as a caller can who guesses the next port.
func TestNothingIsHeardOfOurselves(t *testing.T) {
	ports := new(Ports)
	var pair [2]*Session
	heard := make(chan string, 100)
	for i := range pair {
		s, err := Open(ports, loopback, loopback, loopback)
		if err != nil {
			t.Fatal(err)
		}
		s.Listen(func(p *Packet) {
			heard <- string(p.Payload)
			s.Write(p)
		})
		done := make(chan struct{})
		go func() { defer close(done); s.Run(func(rune) {}) }()
		t.Cleanup(func() { s.Close(); <-done })
		pair[i] = s
	}
	a, b := pair[0], pair[1]
	for _, c := range []struct{ s, far *Session }{{a, b}, {b, a}, {a, a}} { // the last: an echo of itself
		far := c.far.Name()
		if err := c.s.Agree(&sdp.Media{Addr: far.Addr(), Port: int(far.Port())}, Formats{Codec: sdp.PCMA, CodecOurs: 8}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	a.Write(&Packet{Payload: []byte("own"), SSRC: 7}) // to itself
	b.Write(&Packet{Payload: []byte("own"), SSRC: 7}) // to a
	phone := stranger(t)
	phone.WriteToUDPAddrPort(rtpBytes(8, 1, 0, 5, "phone"), a.Name())
	if msg := got(t, heard); msg != "phone" {
		t.Errorf("heard %q", msg)
	}
}

// TestPortsKnowTheirSockets asks what leads to a session of ours.
func TestPortsKnowTheirSockets(t *testing.T) {
	ports, public := new(Ports), netip.MustParseAddr("192.0.2.9")
	s, err := Open(ports, loopback, public, loopback)
	if err != nil {
		t.Fatal(err)
	}
	port := s.Name().Port()
	for _, c := range []struct {
		to   netip.AddrPort
		want bool
	}{
		{netip.AddrPortFrom(loopback, port), true},
		{netip.AddrPortFrom(netip.MustParseAddr("::ffff:127.0.0.1"), port), true},
		{netip.AddrPortFrom(public, port), true},
		{netip.AddrPortFrom(loopback, port^1), false},
		{netip.AddrPortFrom(public, port^1), false},
		{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port), false}, // a phone of this machine
		{netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), false},
	} {
		if got := ports.Lead(c.to, public); got != c.want {
			t.Errorf("%v: %v", c.to, got)
		}
	}
	s.Close()
	s.Close()
	if ports.Lead(netip.AddrPortFrom(public, port), public) || len(ports.open) > 0 {
		t.Error("a session that is closed is remembered")
	}
}
