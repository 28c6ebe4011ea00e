package server

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"timbre/internal/api"
)

func TestSIPHasOnePortForBoth(t *testing.T) {
	for range 20 {
		l, err := listen(context.Background(), Config{HTTPS: "127.0.0.1:0", SIP: "127.0.0.1:0", SIPS: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		if tcp, udp := l.sip.Addr().(*net.TCPAddr).Port, l.udp.LocalAddr().(*net.UDPAddr).Port; tcp != udp || tcp == 0 {
			t.Errorf("TCP %d, UDP %d", tcp, udp)
		}
		l.close()
	}
}

func TestBusyPortsAreNamedAndNothingStaysBound(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tests := map[string]Config{
		"https": {HTTPS: busy.Addr().String(), SIP: "127.0.0.1:0"},
		"sip":   {HTTPS: "127.0.0.1:0", SIP: udp.LocalAddr().String()},
		"sips":  {HTTPS: "127.0.0.1:0", SIP: "127.0.0.1:0", SIPS: busy.Addr().String()},
	}
	for name, cfg := range tests {
		l, err := listen(context.Background(), cfg)
		if err == nil {
			l.close()
			t.Errorf("%s: bound", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHalfASIPPortIsGivenBack(t *testing.T) {
	// Another program may take the port between two looks at it: several tries.
	for range 10 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		if l, err := listen(context.Background(), Config{SIP: udp.LocalAddr().String()}); err == nil {
			l.close()
			t.Fatal("bound a busy port")
		}
		if l, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			l.Close()
			return
		}
	}
	t.Error("the TCP half stays bound where the UDP half is busy")
}

func TestReadyAddressesCanBeDialled(t *testing.T) {
	l, err := listen(context.Background(), Config{HTTPS: ":0", SIP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	r := l.ready()
	if !strings.HasPrefix(r.HTTPS, "https://127.0.0.1:") || !strings.HasPrefix(r.SIP, "127.0.0.1:") || r.SIPS != "" {
		t.Errorf("%+v", r)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(r.HTTPS, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// What listens on all addresses is dialled on loopback by this machine, and shown
// to people where they reach it.
func TestWhereListenersAreReached(t *testing.T) {
	l, err := listen(context.Background(), Config{HTTPS: ":0", SIP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	https, sip := strconv.Itoa(portOf(l.https)), strconv.Itoa(portOf(l.sip))
	if got, want := l.ready(), (Ready{HTTPS: "https://127.0.0.1:" + https, SIP: "127.0.0.1:" + sip}); got != want {
		t.Errorf("from here %+v, want %+v", got, want)
	}
	for host, want := range map[string]string{"office.example.com": "office.example.com", "192.0.2.7": "192.0.2.7", "2001:db8::7": "[2001:db8::7]"} {
		if got, want := l.at(host), (api.Listeners{HTTPS: "https://" + want + ":" + https, SIP: "127.0.0.1:" + sip}); got != want {
			t.Errorf("at %s %+v, want %+v", host, got, want)
		}
	}
}
