package officetest_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/internal/officetest"
	"timbre/softphone"
)

// What is tried: 101, 102 and 103 are among them.
const firstTry, lastTry = 100, 10099

func TestScannerFindsNobodyAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 2*time.Minute)
	o := started(t, ctx, officetest.Spawn, officetest.Options{})
	ana := phone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	luis := phone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 440, Answer: true})
	c, err := ana.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, ctx, ana, c, softphone.Active)
	answered := <-luis.Incoming
	reach(t, ctx, luis, answered, softphone.Active)

	// svwar goes through the whole range with OPTIONS alone: where strangers and
	// extensions are challenged alike it gives up at once.
	for _, method := range []string{"OPTIONS", "REGISTER"} {
		begin := time.Now()
		found, output, err := o.SIPVicious(ctx, method, firstTry, lastTry)
		if err != nil {
			t.Fatalf("%s: %v\n%s", method, err, output)
		}
		if len(found) > 0 || !strings.Contains(output, "found nothing") {
			t.Errorf("%s: svwar found %v:\n%s", method, found, output)
		}
		t.Logf("svwar with %s took %v", method, time.Since(begin).Round(time.Millisecond))
	}
	// So the same requests are sent without giving up.
	for _, method := range []string{"REGISTER", "INVITE"} {
		if shapes := scan(t, ctx, o.Ready.SIP, method); len(shapes) != 1 {
			t.Errorf("%s: the answers tell who exists: %q", method, shapes)
		}
	}
	for who, call := range map[string]*softphone.Call{"101": c, "102": answered} {
		s, st := call.Stats(), call.Status()
		due := uint64(st.Duration(time.Now()) / (20 * time.Millisecond))
		if st.State != softphone.Active || s.Received < due*95/100 || s.Lost > due/100 {
			t.Errorf("%s: %s, %d of some %d packets received, %d lost", who, st.State, s.Received, due, s.Lost)
		}
	}
	c.Hangup()
	<-c.Done()
	hears(t, "101", ana.Ear.Heard(), 440, 1000)
	hears(t, "102", luis.Ear.Heard(), 1000, 440)
}

// scan sends a request for every number of the range and returns the different
// shapes of the answers: without what names the request or is random.
func scan(t *testing.T, ctx context.Context, server, method string) []string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var shapes []string
	answer := make([]byte, 4096)
	for n := firstTry; n <= lastTry; n++ {
		fmt.Fprintf(conn, "%s sip:%d@localhost SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%d;rport\r\nMax-Forwards: 70\r\n"+
			"To: <sip:%d@localhost>\r\nFrom: <sip:%d@localhost>;tag=%d\r\nUser-Agent: friendly-scanner\r\nCall-ID: %s-%d\r\n"+
			"Contact: <sip:%d@%s>\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			method, n, conn.LocalAddr(), method, n, n, n, n, method, n, n, conn.LocalAddr(), method)
		for {
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			size, err := conn.Read(answer)
			if err != nil {
				t.Fatalf("%s for %d: %v", method, n, err)
			}
			text := string(answer[:size])
			if strings.HasPrefix(text, "SIP/2.0 100") || !strings.Contains(text, fmt.Sprintf("Call-ID: %s-%d\r\n", method, n)) {
				continue // on the way, or sent again
			}
			if s := shape(text); !slices.Contains(shapes, s) {
				shapes = append(shapes, s)
			}
			break
		}
	}
	return shapes
}

// shape returns the status line of an answer and the names of its fields, with
// the values of those that may tell something.
func shape(answer string) string {
	var b strings.Builder
	for i, line := range strings.Split(answer, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case i == 0:
			b.WriteString(line)
		case name == "WWW-Authenticate":
			before, after, _ := strings.Cut(value, `nonce="`)
			_, after, _ = strings.Cut(after, `"`)
			b.WriteString("\n" + name + ":" + before + after)
		default:
			b.WriteString("\n" + name)
		}
	}
	return b.String()
}
