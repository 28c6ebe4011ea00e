package api

import (
	"io"
	"net"
	"testing"
	"time"
)

func TestConnectionsAreLimited(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounded := limit(l, 3, 2)
	accepted := make(chan net.Conn, 10)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := bounded.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("hello"))
			accepted <- c
		}
	}()
	defer func() { <-ended }()
	defer l.Close()
	dial := func() (served bool, c net.Conn) {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err = io.ReadFull(c, make([]byte, 5))
		return err == nil, c
	}
	for i := range 2 {
		if served, _ := dial(); !served {
			t.Fatalf("connection %d was refused", i)
		}
	}
	if served, _ := dial(); served {
		t.Error("a third connection of one address was served")
	}
	first := <-accepted
	first.Close()
	first.Close() // gives its place back once
	if served, _ := dial(); !served {
		t.Error("the place of a closed connection stays taken")
	}
	if served, _ := dial(); served {
		t.Error("closing twice made room for two")
	}
	(<-accepted).Close()
	(<-accepted).Close()
}

// Two strangers who hold all places keep nobody else out, and lose them one by one;
// who has few keeps them.
func TestWhoHoldsTheMostGivesWay(t *testing.T) {
	l := limit(nil, 7, 3).(*limited)
	enter := func(from string) (c, victim *limitedConn, ok bool) {
		c = &limitedConn{of: l, from: from}
		victim, ok = l.enter(c)
		return c, victim, ok
	}
	steps := []struct {
		from, victim string // empty: nobody
		ok           bool
	}{
		{"a", "", true},
		{"a", "", true},
		{"a", "", true},
		{"a", "", false}, // it has as many as one may
		{"b", "", true},
		{"b", "", true},
		{"b", "", true},
		{"office", "", true},
		{"home", "ab", true},
		{"office", "ab", true}, // one of each
		{"home", "", false},    // nobody has more than two
		{"mobile", "any", true},
	}
	var first *limitedConn
	for i, s := range steps {
		c, victim, ok := enter(s.from)
		if first == nil {
			first = c
		}
		if ok != s.ok || (victim != nil) != (s.victim != "") || victim != nil && s.victim == "ab" && victim.from != "a" && victim.from != "b" {
			t.Errorf("step %d: %v, %v", i, ok, victim)
		}
	}
	if n := len(l.open["a"]) + len(l.open["b"]) + len(l.open["office"]) + len(l.open["home"]) + len(l.open["mobile"]); n != 7 || l.n != 7 {
		t.Errorf("%d places are taken, and %d counted", n, l.n)
	}
	l.remove(first) // it has none any more
	if l.n != 7 || len(l.open["home"]) != 1 {
		t.Errorf("%d, %v", l.n, l.open)
	}
}

func TestAnIPv6CustomerIsOneClient(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7:1":                   "192.0.2.7",
		"[::ffff:192.0.2.7]:1":          "192.0.2.7",
		"[2001:db8:1:2::1]:1":           "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff:3:4:5]:443": "2001:db8:1:2::/64",
		"@":                             "invalid IP",
	} {
		if got := networkOf(addressOf(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	c := newCounts()
	steps := []struct {
		key  string
		want bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"c", false}} // two of each, three of all
	for i, s := range steps {
		if got := c.enter(s.key, 2, 3); got != s.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	c.leave("a")
	if !c.enter("c", 2, 3) {
		t.Error("no place after one left")
	}
	c.leave("a")
	c.leave("b")
	c.leave("c")
	if len(c.of) != 0 || c.total != 0 {
		t.Errorf("left over: %v %d", c.of, c.total)
	}
}

func TestHostOf(t *testing.T) {
	for header, want := range map[string]string{
		"office.example.com:8443": "office.example.com",
		"192.0.2.7:8443":          "192.0.2.7",
		"[2001:db8::1]:8443":      "2001:db8::1",
		"[2001:db8::1]":           "2001:db8::1",
		"localhost":               "localhost",
		"":                        "",
		"a b:1":                   "",
		"x@y:1":                   "",
		"<script>":                "",
		"[::1":                    "::1",
	} {
		if got := hostOf(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestAddressOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7:1":          "192.0.2.7",
		"[::ffff:192.0.2.7]:1": "192.0.2.7",
		"[fe80::1%eth0]:1":     "fe80::1",
		"@":                    "invalid IP",
	} {
		if got := addressOf(in).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
