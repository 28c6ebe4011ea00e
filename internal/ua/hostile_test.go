package ua

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crlf writes a message as the tests do, with bare newlines, in the form of the wire.
func crlf(s string) string {
	return strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "\n", "\r\n")
}

// A wireCase is one message and the status that it must get: 0 none, -1 any or none.
type wireCase struct {
	name   string
	msg    string // with bare newlines; LEN is the length of the body
	status int
}

// options is a good request; %s goes before the Content-Length.
const options = `OPTIONS sip:user@office.test SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%d;rport
Max-Forwards: 70
From: <sip:a@office.test>;tag=1
To: <sip:user@office.test>
Call-ID: opt%d
CSeq: 1 OPTIONS
Content-Length: 0

`

// invite wraps headers and a body into an INVITE.
func invite(headers, body string) string {
	return `INVITE sip:102@office.test SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKBRANCH;rport
Max-Forwards: 70
From: <sip:a@office.test>;tag=1
To: <sip:102@office.test>
Call-ID: invBRANCH
CSeq: 1 INVITE
Contact: <sip:a@127.0.0.1:9>
` + headers + "Content-Length: LEN\n\n" + body
}

const goodSDP = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\n"

// torture holds the cases of RFC 4475, in our own words, and those that were seen
// to end a process (a panic in a parser or handler).
var torture = []wireCase{
	// RFC 4475 §3.1.1: valid, however odd. Whatever the answer, there is one.
	{"tortuous INVITE (3.1.1.1)", `INVITE sip:102@office.test;unknownparam SIP/2.0
TO :
 sip:102@office.test ;   tag    = BRANCH
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.BRANCH
Content-Length   : 0
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Contact:
 <sip:jdrosen@example.com>

`, -1},
	{"wide range of characters (3.1.1.2)", "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\nVia: SIP/2.0/UDP host1.example.com;rport;branch=z9hG4bK-.!%66*_+`'~\nTo: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\nFrom: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\xd1\x80\";tag=_token~1'+`*%!-.\nCall-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\nCSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\nMax-Forwards: 255\nextensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\nContent-Length: 0\n\n", 501},
	{"escapes (3.1.1.3)", strings.NewReplacer("sip:user@", "sip:%75se%72@", "BRANCH", "esc").Replace(fmt.Sprintf(options, 1001, 1001)), 200},
	{"escaped nulls (3.1.1.4)", strings.Replace(fmt.Sprintf(options, 1002, 1002), "To: <sip:user@", "To: <sip:null-%00-null@", 1), 200},
	{"percent that escapes nothing (3.1.1.5)", `RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.BRANCH
Via: SIP/2.0/TCP host.example.com;rport;branch=z9hG4bKBRANCH
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Content-Length: 0

`, 501},
	{"no white space before the angle (3.1.1.6)", strings.Replace(fmt.Sprintf(options, 1003, 1003), "From: <", "From: caller<", 1), 200},
	{"long values (3.1.1.7)", strings.Replace(fmt.Sprintf(options, 1004, 1004), "From: <", `From: "`+strings.Repeat("long name ", 300)+`" <`, 1), 200},
	{"octets behind the message (3.1.1.8)", fmt.Sprintf(options, 1005, 1005) + "INVITE sip:joe@example.com SIP/2.0\n\n", -1},
	{"semicolons in the user part (3.1.1.9)", strings.Replace(fmt.Sprintf(options, 1006, 1006), "sip:user@", "sip:user;par=u%40example.net@", 2), 200},
	{"unknown transports (3.1.1.10)", strings.Replace(fmt.Sprintf(options, 1007, 1007), "Max-Forwards", "Via: SIP/2.0/SCTP host.example.com;branch=z9hG4bKa\nVia: SIP/2.0/UNKNOWN h.example.com;branch=z9hG4bKb\nMax-Forwards", 1), 200},
	{"multipart body (3.1.1.11)", invite("Content-Type: multipart/mixed;boundary=7a\n", "--7a\nContent-Type: application/sdp\n\n"+goodSDP+"--7a--\n"), 415},

	// RFC 4475 §3.1.2: invalid.
	{"extraneous separators (3.1.2.1)", strings.Replace(invite("", goodSDP), ";rport", ";;,;,,", 1), 400},
	{"Content-Length too large (3.1.2.2)", strings.Replace(fmt.Sprintf(options, 1010, 1010), "Content-Length: 0", "Content-Length: 9999", 1), 400},
	{"negative Content-Length (3.1.2.3)", strings.Replace(fmt.Sprintf(options, 1011, 1011), "Content-Length: 0", "Content-Length: -999", 1), 400},
	{"overlarge CSeq (3.1.2.4)", strings.Replace(fmt.Sprintf(options, 1012, 1012), "CSeq: 1 ", "CSeq: 36893488147419103232 ", 1), 400},
	{"overlarge Max-Forwards (3.1.2.4)", strings.Replace(fmt.Sprintf(options, 1013, 1013), "Forwards: 70", "Forwards: 300", 1), 400},
	{"overlarge response (3.1.2.5)", strings.Replace(fmt.Sprintf(options, 1014, 1014), "OPTIONS sip:user@office.test SIP/2.0", "SIP/2.0 503 Service Unavailable", 1), 0},
	{"unterminated quote (3.1.2.6)", strings.Replace(fmt.Sprintf(options, 1015, 1015), "To: <", `To: "Mr. J. User <`, 1), 400},
	{"angles around the Request-URI (3.1.2.7)", strings.Replace(fmt.Sprintf(options, 1016, 1016), "sip:user@office.test SIP", "<sip:user@office.test> SIP", 1), 400},
	{"white space in the Request-URI (3.1.2.8)", strings.Replace(fmt.Sprintf(options, 1017, 1017), "sip:user@office.test SIP", "sip:user@office.test; lr SIP", 1), 400},
	{"two spaces in the start line (3.1.2.9)", strings.Replace(fmt.Sprintf(options, 1018, 1018), "OPTIONS sip", "OPTIONS  sip", 1), 400},
	{"space behind the start line (3.1.2.10)", strings.Replace(fmt.Sprintf(options, 1019, 1019), "SIP/2.0\nVia", "SIP/2.0  \nVia", 1), 400},
	{"headers in the Request-URI (3.1.2.11)", strings.Replace(fmt.Sprintf(options, 1020, 1020), "sip:user@office.test SIP", "sip:user@office.test?Route=%3Csip:example.com%3E SIP", 1), 400},
	{"invalid time zone (3.1.2.12)", strings.Replace(fmt.Sprintf(options, 1021, 1021), "CSeq", "Date: Fri, 01 Jan 2010 16:00:00 EST\nCSeq", 1), 400},
	{"Contact without angles (3.1.2.13)", strings.Replace(fmt.Sprintf(options, 1022, 1022), "CSeq", "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\nCSeq", 1), 400},
	{"spaces within addr-spec (3.1.2.14)", strings.Replace(fmt.Sprintf(options, 1023, 1023), "To: <sip:user@office.test>", `To: "Watson, Thomas" < sip:t.watson@example.org >`, 1), 400},
	{"non-token display name (3.1.2.15)", strings.Replace(fmt.Sprintf(options, 1024, 1024), "From: <", "From: Bell, Alexander <", 1), 400},
	{"unknown version (3.1.2.16)", strings.Replace(fmt.Sprintf(options, 1025, 1025), "test SIP/2.0", "test SIP/7.0", 1), 505},
	{"methods that differ (3.1.2.17)", strings.Replace(fmt.Sprintf(options, 1026, 1026), "CSeq: 1 OPTIONS", "CSeq: 1 INVITE", 1), 400},
	{"unknown methods that differ (3.1.2.18)", strings.Replace(fmt.Sprintf(options, 1027, 1027), "OPTIONS sip", "NEWMETHOD sip", 1), 400},
	{"overlarge status (3.1.2.19)", strings.Replace(fmt.Sprintf(options, 1028, 1028), "OPTIONS sip:user@office.test SIP/2.0", "SIP/2.0 4294967301 better not break the receiver", 1), 0},

	// RFC 4475 §3.2 to §3.4.
	{"bare magic cookie (3.2.1)", strings.Replace(fmt.Sprintf(options, 1030, 1030), "z9hG4bK1030", "z9hG4bK", 1), 400},
	{"mandatory fields missing (3.3.1)", "INVITE sip:user@office.test SIP/2.0\nCSeq: 193942 INVITE\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKins\nContent-Length: 0\n\n", 400},
	{"unknown scheme (3.3.2)", strings.Replace(fmt.Sprintf(options, 1031, 1031), "sip:user@office.test SIP", "nobodyKnowsThisScheme:totallyopaquecontent SIP", 1), 416},
	{"atypical scheme (3.3.3)", strings.Replace(fmt.Sprintf(options, 1032, 1032), "sip:user@office.test SIP", "soap.beep://192.0.2.103:3002 SIP", 1), 416},
	{"unknown schemes in fields (3.3.4)", `REGISTER sip:office.test SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKBRANCH;rport
To: isbn:2983792873
From: <http://www.example.com>;tag=3234233
Call-ID: unksm2.BRANCH
CSeq: 234902 REGISTER
Contact: <name:John_Smith>
Content-Length: 0

`, 400},
	{"required extensions (3.3.5)", strings.Replace(fmt.Sprintf(options, 1033, 1033), "CSeq", "Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: noProxiesSupportThis\nCSeq", 1), 420},
	{"unknown Content-Type (3.3.6)", invite("Content-Type: application/unknownformat\n", "<audio><pcmu port=\"443\"/></audio>\n"), 415},
	{"single fields twice (3.3.8)", strings.Replace(fmt.Sprintf(options, 1034, 1034), "CSeq: 1 OPTIONS", "CSeq: 1 OPTIONS\nCSeq: 59 INVITE\nCall-ID: other", 1), 400},
	{"two Content-Lengths (3.3.9)", strings.Replace(fmt.Sprintf(options, 1035, 1035), "Content-Length: 0", "Content-Length: 0\nContent-Length: 0", 1), 400},
	{"response to another (3.3.10)", strings.NewReplacer("OPTIONS sip:user@office.test SIP/2.0", "SIP/2.0 200 OK", "127.0.0.1:9", "255.255.255.255").Replace(fmt.Sprintf(options, 1036, 1036)), 0},
	{"Max-Forwards 0 (3.3.11)", strings.Replace(fmt.Sprintf(options, 1037, 1037), "Forwards: 70", "Forwards: 0", 1), 200},
	{"unacceptable Accept (3.3.15)", invite("Accept: text/nobodyKnowsThis\nContent-Type: application/sdp\n", goodSDP), 406},
	{"RFC 2543 without tags (3.4.1)", strings.Replace(invite("Content-Type: application/sdp\n", goodSDP), ";tag=1", "", 1), 400},

	// Packets that ended a process, or should not pass.
	{"INFO without Content-Type", strings.NewReplacer("OPTIONS sip", "INFO sip", "1 OPTIONS", "1 INFO").Replace(fmt.Sprintf(options, 1040, 1040)), 481},
	{"INFO in an unknown dialog", strings.NewReplacer("OPTIONS sip", "INFO sip", "1 OPTIONS", "1 INFO", "To: <sip:user@office.test>", "To: <sip:user@office.test>;tag=x").Replace(fmt.Sprintf(options, 1041, 1041)), 481},
	{"NOTIFY without Content-Type", strings.NewReplacer("OPTIONS sip", "NOTIFY sip", "1 OPTIONS", "1 NOTIFY").Replace(fmt.Sprintf(options, 1042, 1042)), 489},
	{"NOTIFY in a dialog without Content-Type", strings.NewReplacer("OPTIONS sip", "NOTIFY sip", "1 OPTIONS", "1 NOTIFY", "To: <sip:user@office.test>", "To: <sip:user@office.test>;tag=x").Replace(fmt.Sprintf(options, 1043, 1043)), 481},
	{"BYE of nothing", strings.NewReplacer("OPTIONS sip", "BYE sip", "1 OPTIONS", "1 BYE", "To: <sip:user@office.test>", "To: <sip:user@office.test>;tag=x").Replace(fmt.Sprintf(options, 1044, 1044)), 481},
	{"CANCEL of nothing", strings.NewReplacer("OPTIONS sip", "CANCEL sip", "1 OPTIONS", "1 CANCEL").Replace(fmt.Sprintf(options, 1045, 1045)), 481},
	{"REFER", strings.NewReplacer("OPTIONS sip", "REFER sip", "1 OPTIONS", "1 REFER").Replace(fmt.Sprintf(options, 1046, 1046)), 403},
	{"UPDATE of nothing", strings.NewReplacer("OPTIONS sip", "UPDATE sip", "1 OPTIONS", "1 UPDATE").Replace(fmt.Sprintf(options, 1047, 1047)), 481},
	{"re-INVITE of nothing", strings.Replace(invite("Content-Type: application/sdp\n", goodSDP), "To: <sip:102@office.test>", "To: <sip:102@office.test>;tag=x", 1), 481},
	{"ACK of nothing", strings.NewReplacer("OPTIONS sip", "ACK sip", "1 OPTIONS", "1 ACK").Replace(fmt.Sprintf(options, 1048, 1048)), 0},
	{"100rel required", invite("Require: 100rel\nContent-Type: application/sdp\n", goodSDP), 420},
	{"INVITE without Contact", strings.Replace(invite("Content-Type: application/sdp\n", goodSDP), "Contact: <sip:a@127.0.0.1:9>\n", "", 1), 400},
	{"SDP with a short c=IN", invite("Content-Type: application/sdp\n", strings.Replace(goodSDP, "c=IN IP4 127.0.0.1", "c=IN", 1)), 400},
	{"SDP that ends in c=", invite("Content-Type: application/sdp\n", "v=0\nc="), 400},
	{"SDP with a duplicate rtpmap", invite("Content-Type: application/sdp\n", goodSDP+"a=rtpmap:101 telephone-event/8000\n"), 486},
	{"SDP of a rtpmap without a clock", invite("Content-Type: application/sdp\n", goodSDP+"a=rtpmap:96 opus\n"), 400},
	{"SDP with bare newlines", "BARE" + invite("Content-Type: application/sdp\n", goodSDP), 486},
	{"SDP without sound", invite("Content-Type: application/sdp\n", strings.Replace(goodSDP, "m=audio", "m=video", 1)), 488},
	{"SDP that is none", invite("Content-Type: application/sdp\n", "hello"), 400},
	{"body without Content-Type", invite("", goodSDP), 415},
	{"no offer at all", invite("", ""), 486},
	{"several media lines", invite("Content-Type: application/sdp\n", goodSDP+"m=video 5000 RTP/AVP 99\na=rtpmap:99 H264/90000\n"), 486},
	{"lower-case method", strings.NewReplacer("OPTIONS sip", "options sip", "1 OPTIONS", "1 options").Replace(fmt.Sprintf(options, 1049, 1049)), 501},
	{"unknown method", strings.NewReplacer("OPTIONS", "FROBNICATE").Replace(fmt.Sprintf(options, 1050, 1050)), 501},
	{"not SIP", "GET / HTTP/1.1\nHost: office.test\n\n", 0},
	{"control character", strings.Replace(fmt.Sprintf(options, 1051, 1051), "Call-ID: opt", "Call-ID: \x01opt", 1), 400},
	{"wildcard Request-URI", strings.Replace(fmt.Sprintf(options, 1052, 1052), "sip:user@office.test SIP", "* SIP", 1), 400},
	{"port out of range", strings.Replace(fmt.Sprintf(options, 1053, 1053), "sip:user@office.test SIP", "sip:user@office.test:99999 SIP", 1), 400},
	{"open IPv6 bracket", strings.Replace(fmt.Sprintf(options, 1054, 1054), "sip:user@office.test SIP", "sip:user@[::1 SIP", 1), 400},
	{"Via without a host", strings.Replace(fmt.Sprintf(options, 1055, 1055), "UDP 127.0.0.1:9;", "UDP ;", 1), 400},
	{"header without a colon", strings.Replace(fmt.Sprintf(options, 1056, 1056), "Max-Forwards: 70", "Max-Forwards 70", 1), 400},
	{"too many headers", strings.Replace(fmt.Sprintf(options, 1057, 1057), "CSeq", strings.Repeat("X: y\n", 200)+"CSeq", 1), 400},
}

// wire turns a case into what is sent, with a branch of its own.
func (c wireCase) wire(i int) []byte {
	msg, bare := strings.CutPrefix(c.msg, "BARE")
	head, body, _ := strings.Cut(msg, "\n\n")
	if !bare {
		body = crlf(body)
	}
	head = strings.ReplaceAll(head, "BRANCH", "tort"+strconv.Itoa(i))
	head = strings.ReplaceAll(head, "LEN", strconv.Itoa(len(body)))
	return []byte(crlf(head) + "\r\n\r\n" + body)
}

// busy is a server that rejects calls with 486 and challenges nobody.
func busy(t testing.TB) *Endpoint {
	cfg := Config{
		OnInvite:   func(_ context.Context, in *Incoming) { in.Reject(486) },
		OnRegister: func(_ context.Context, r *Registration) { r.Accept(r.Contacts) },
	}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	return start(t, cfg)
}

// A rawPeer is a peer that sends bytes.
type rawPeer struct {
	net.Conn
	r *bufio.Reader // of a stream
}

func dialRaw(t testing.TB, network string, addr netip.AddrPort) *rawPeer {
	t.Helper()
	c, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &rawPeer{Conn: c, r: bufio.NewReader(c)}
}

// read returns the next message, empty where the connection ended.
func (p *rawPeer) read(t testing.TB) string {
	t.Helper()
	p.SetDeadline(time.Now().Add(limit)) // for each anew: some tests read thousands
	if p.RemoteAddr().Network() == "udp" {
		b := make([]byte, 65536)
		n, err := p.Read(b)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		return string(b[:n])
	}
	var msg strings.Builder
	length := 0
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return ""
		}
		msg.WriteString(line)
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "content-length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if line == "\r\n" && msg.Len() > 2 {
			body := make([]byte, length)
			if _, err := io.ReadFull(p.r, body); err != nil {
				return ""
			}
			return msg.String() + string(body)
		}
	}
}

// answered returns the status of the final response to callID. Where none is
// wanted it returns what comes before the answer to an OPTIONS sent behind, or 0.
func (p *rawPeer) answered(t testing.TB, callID string, want, probe int) int {
	t.Helper()
	if want <= 0 {
		fmt.Fprint(p, crlf(fmt.Sprintf(options, probe, probe)))
	}
	for {
		msg := p.read(t)
		if len(msg) < 12 {
			return 0
		}
		code, _ := strconv.Atoi(msg[8:11])
		switch {
		case strings.Contains(msg, "Call-ID: opt"+strconv.Itoa(probe)+"\r\n"):
			if code != 200 {
				t.Errorf("OPTIONS answered %d", code)
			}
			return 0
		case (callID == "" || strings.Contains(msg, callID)) && code >= 200:
			return code
		}
	}
}

// alive proves that e still answers.
func alive(t testing.TB, e *Endpoint, probe int) {
	t.Helper()
	p := dialRaw(t, "udp", at(e, "udp"))
	fmt.Fprint(p, crlf(fmt.Sprintf(options, probe, probe)))
	if msg := p.read(t); !strings.HasPrefix(msg, "SIP/2.0 200 ") {
		t.Fatalf("OPTIONS answered %q", msg)
	}
}

func callIDOf(msg []byte) string {
	for line := range strings.SplitSeq(string(msg), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "call-id") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestHostileMessages sends each message to a fresh peer of one endpoint, which
// must give the right answer and live on.
func TestHostileMessages(t *testing.T) {
	e := busy(t)
	for n, network := range []string{"udp", "tcp"} {
		for i, c := range torture {
			if network == "tcp" && strings.HasPrefix(c.name, "Content-Length too large") {
				continue // there it is a message that goes on
			}
			t.Run(network+"/"+c.name, func(t *testing.T) {
				p := dialRaw(t, network, at(e, network))
				msg := c.wire(i + 1000*n)
				if network == "tcp" && c.name != "bare magic cookie (3.2.1)" {
					msg = bytes.Replace(msg, []byte("branch=z9hG4bK"), []byte("branch=z9hG4bKt"), 1)
				}
				if _, err := p.Write(msg); err != nil {
					t.Fatal(err)
				}
				got := p.answered(t, callIDOf(msg), c.status, 50000+i+1000*n)
				if c.status >= 0 && got != c.status {
					t.Errorf("status %d, want %d\n%s", got, c.status, msg)
				}
				alive(t, e, 60000+i+1000*n)
			})
		}
	}
}
