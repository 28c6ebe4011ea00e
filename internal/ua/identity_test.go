package ua

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"timbre/internal/office"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in   string
		want address
		ok   bool
	}{
		{"<sip:101@office.test>", address{scheme: "sip", user: "101", host: "office.test"}, true},
		{`"Ana \"la jefa\"" <sips:101:pw@office.test:5061;transport=tcp?Replaces=a%3Bb>;reason=no-answer`, address{
			name: `Ana "la jefa"`, scheme: "sips", user: "101", host: "office.test",
			options: ";transport=tcp", headers: "Replaces=a%3Bb", params: ";reason=no-answer",
		}, true},
		{"Ana <tel:+525555550101;phone-context=x>;a=b", address{name: "Ana", scheme: "tel", user: "+525555550101", options: ";phone-context=x", params: ";a=b"}, true},
		{"sip:101@[::1]:5060;tag=x", address{scheme: "sip", user: "101", host: "[::1]", params: ";tag=x"}, true},
		{"sip:[::1]", address{scheme: "sip", host: "[::1]"}, true},
		{"<https://office.test/a>", address{scheme: "https"}, true},
		{"", address{}, false},
		{"101", address{}, false},
		{`"open <sip:101@h>`, address{}, false},
	} {
		got, ok := parseAddress(c.in)
		if ok != c.ok || got != c.want {
			t.Errorf("%q: %+v, %v", c.in, got, ok)
		}
	}
}

func TestParamOf(t *testing.T) {
	for _, c := range []struct{ params, want string }{
		{";reason=no-answer", "no-answer"},
		{";privacy=off;Reason = \"user busy\";x", "user busy"},
		{";lr;reason=a", "a"},
		{"", ""},
		{";lr", ""},
		{";other=reason", ""},
		{`;reason="open`, ""},
	} {
		if got := paramOf(c.params, "reason"); got != c.want {
			t.Errorf("%q: %q, want %q", c.params, got, c.want)
		}
	}
}

// FuzzAddress proves that no header field of an address makes its readers panic, and
// that what they return can be shown and sent on.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		`"Ana" <sip:101@h?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>;reason=x;counter=2`, "tel:+1", "<sip:%00@h>", `"\`, "a <sip:x@[::1]>", ";;=", `;reason="`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		paramOf(s, "reason")
		a, ok := parseAddress(s)
		if !ok {
			return
		}
		if p := a.party(); p.Name != office.CleanName(p.Name) || strings.ContainsAny(string(p.Number), "\r\n<>\" ") {
			t.Errorf("%q is %+v", s, p)
		}
		if v, has := a.header("Replaces"); has {
			parseReplaces(v)
		}
		paramOf(a.params, "reason")
		paramOf(a.options, "method")
	})
}

// carrier starts a server for which every call from ip is of the trunk "carrier",
// all others are challenged, and a raw peer of it.
func carrier(t *testing.T, network, ip string, calls chan<- *Incoming) *rawPeer {
	t.Helper()
	cfg := Config{
		Digest:   secrets(nil),
		OnInvite: func(_ context.Context, in *Incoming) { calls <- in; in.Reject(486) },
		Peer: func(source netip.AddrPort, transport, toUser string) (string, bool) {
			if transport != network {
				t.Errorf("transport %q", transport)
			}
			return "carrier", source.Addr() == netip.MustParseAddr(ip) && !strings.HasPrefix(toUser, "nobody")
		},
	}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	return dialRaw(t, network, at(start(t, cfg), network))
}

// final sends an INVITE and returns the status of its final response.
func (p *rawPeer) final(t *testing.T, msg string, i int) int {
	t.Helper()
	wire := wireCase{msg: msg}.wire(i)
	if _, err := p.Write(wire); err != nil {
		t.Fatal(err)
	}
	return p.answered(t, callIDOf(wire), 1, 0)
}

// TestPeersAreNotChallenged calls from a trunk's address, over datagrams and a
// connection, and from elsewhere.
func TestPeersAreNotChallenged(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		calls := make(chan *Incoming, 1)
		p := carrier(t, network, "127.0.0.1", calls)
		vouched := "P-Asserted-Identity: \"Ana\" <sip:+525555550101@carrier.test>\nP-Asserted-Identity: <tel:+525555550101>\n" +
			"Diversion: \"Luis\" <sip:+525555550102@h>;reason=no-answer;counter=1, <tel:103>;reason=\"what ever\"\nDiversion: nobody\n"
		if code := p.final(t, invite(vouched+"Content-Type: application/sdp\n", goodSDP), 1); code != 486 {
			t.Fatalf("%s: a peer is answered %d", network, code)
		}
		in := next(t, calls)
		if in.Peer() != "carrier" || in.Username() != "" || in.Hops() != 70 {
			t.Errorf("peer %q, user %q, hops %d", in.Peer(), in.Username(), in.Hops())
		}
		if user := in.contact().Address.User; user == "" || user == in.To() {
			t.Errorf("the caller is shown %q, which the carrier alone may know", user)
		}
		if got := in.Identity(); got != (office.Party{Number: "+525555550101", Name: "Ana"}) {
			t.Errorf("identity %+v", got)
		}
		want := []Diversion{{office.Party{Number: "+525555550102", Name: "Luis"}, "no-answer"}, {office.Party{Number: "103"}, "unknown"}}
		if got := in.Diversion(); !slices.Equal(got, want) {
			t.Errorf("diversion %+v", got)
		}
		if code := p.final(t, invite(vouched+"Privacy: user;id\n", ""), 2); code != 486 {
			t.Errorf("%s: who wants to be private is answered %d", network, code)
		}
		if got := next(t, calls).Identity(); got != (office.Party{}) {
			t.Errorf("who wants to be private is %+v", got)
		}
		if code := p.final(t, strings.Replace(invite("", ""), "sip:102@office.test SIP", "sip:nobody@office.test SIP", 1), 3); code != 401 {
			t.Errorf("%s: a call to another number is answered %d", network, code)
		}
		for i, c := range []struct {
			what, headers string
			code          int
		}{{"requires 100rel", "Require: 100rel\n", 420}, {"supports 100rel", "Supported: 100rel, timer\n", 486}, {"requires replaces", "Require: replaces\n", 486}} {
			if code := p.final(t, invite(c.headers, ""), 4+i); code != c.code {
				t.Errorf("%s: one that %s is answered %d", network, c.what, code)
			}
			for len(calls) > 0 {
				<-calls
			}
		}
		if code := p.final(t, strings.NewReplacer("INVITE sip", "OPTIONS sip", "1 INVITE", "1 OPTIONS").Replace(invite("", "")), 9); code != 200 {
			t.Errorf("%s: OPTIONS answered %d", network, code)
		}
	}
	calls := make(chan *Incoming, 1)
	p := carrier(t, "udp", "127.0.0.9", calls)
	if code := p.final(t, invite("P-Asserted-Identity: <sip:911@h>\n", ""), 1); code != 401 {
		t.Errorf("a stranger is answered %d", code)
	}
}

// TestHops counts down what a call may be passed on.
func TestHops(t *testing.T) {
	calls := make(chan *Incoming, 1)
	p := carrier(t, "udp", "127.0.0.1", calls)
	for i, c := range []struct {
		line       string
		code, hops int
	}{{"Max-Forwards: 0\n", 483, 0}, {"Max-Forwards: 1\n", 486, 1}, {"", 486, 70}} {
		if code := p.final(t, strings.Replace(invite("", ""), "Max-Forwards: 70\n", c.line, 1), i); code != c.code {
			t.Errorf("%q is answered %d", c.line, code)
		}
		if c.hops > 0 {
			if got := next(t, calls).Hops(); got != c.hops {
				t.Errorf("%q: %d hops", c.line, got)
			}
		}
	}
}

// TestWhatATrunkIsTold reads the INVITE that goes out.
func TestWhatATrunkIsTold(t *testing.T) {
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	var cfg Config
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	p := start(t, cfg)
	for _, c := range []struct {
		name         string
		target       Target
		has, hasNone []string
	}{
		{
			"a phone",
			Target{From: office.Party{Number: "101", Name: "Ana"}},
			[]string{`From: "Ana" <sip:101@office.test>;tag=`, "Contact: <sip:101@", "Max-Forwards: 70\r\n", "Supported: replaces"},
			[]string{"P-Asserted", "Diversion", "Call-Info", "Alert-Info"},
		},
		{"a trunk", Target{
			From: office.Party{Number: "101", Name: "Ana"}, Identity: office.Party{Number: "+525555550100", Name: `"Office"`}, FromHost: "carrier.test",
			Hops: 12, Diversion: []Diversion{{office.Party{Number: "102"}, "unconditional"}, {office.Party{Number: "103", Name: "L"}, "no\r\nanswer"}},
		}, []string{
			`From: "\"Office\"" <sip:+525555550100@carrier.test>;tag=`, "Contact: <sip:+525555550100@", "Max-Forwards: 12\r\n",
			"P-Asserted-Identity: \"\\\"Office\\\"\" <sip:+525555550100@carrier.test>\r\n",
			"Diversion: <sip:102@carrier.test>;reason=unconditional\r\n", "Diversion: \"L\" <sip:103@carrier.test>;reason=unknown\r\n",
		}, []string{"101", "Ana"}},
		{"one that answers by itself", Target{AutoAnswer: true}, []string{"Call-Info: <sip:office.test>;answer-after=0\r\n", "info=alert-autoanswer"}, nil},
	} {
		c.target.URI, c.target.Transport, c.target.Addr = "sip:+525555550199@carrier.test", "udp", remote(sink.LocalAddr())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := p.Dial(ctx, c.target)
			done <- err
		}()
		b := make([]byte, 8192)
		n, from, err := sink.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		msg := string(b[:n])
		head, _, _ := strings.Cut(msg, "\r\n\r\n")
		for _, want := range c.has {
			if !strings.Contains(head, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, head)
			}
		}
		for _, no := range c.hasNone {
			if strings.Contains(head, no) {
				t.Errorf("%s: %q is in\n%s", c.name, no, head)
			}
		}
		fmt.Fprint(writerTo{sink, from}, respond(msg, "486 Busy Here", "", ""))
		if err := next(t, done); err == nil {
			t.Error("answered")
		}
		cancel()
		for { // its ACK
			n, _, err := sink.ReadFrom(b)
			if err != nil || strings.HasPrefix(string(b[:n]), "ACK ") {
				break
			}
		}
	}
}

// A writerTo writes datagrams to one peer.
type writerTo struct {
	net.PacketConn
	to net.Addr
}

func (w writerTo) Write(b []byte) (int, error) { return w.WriteTo(b, w.to) }

// respond builds a response to the request msg.
func respond(msg, status, headers, body string) string {
	var out strings.Builder
	out.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.SplitSeq(msg, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "call-id", "cseq":
			out.WriteString(line + "\r\n")
		case "to":
			if !strings.Contains(line, "tag=") {
				line += ";tag=raw"
			}
			out.WriteString(line + "\r\n")
		case "":
			fmt.Fprintf(&out, "%sContent-Length: %d\r\n\r\n%s", crlf(headers), len(body), body)
			return out.String()
		}
	}
	return out.String()
}
