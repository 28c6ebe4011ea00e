package sipguard

import (
	"bytes"
	"strings"
	"testing"
)

// good is a request with which nothing is wrong.
const good = "OPTIONS sip:user@office.test SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:9;branch=z9hG4bKa;rport\nMax-Forwards: 70\n" +
	"From: <sip:a@office.test>;tag=1\nTo: <sip:user@office.test>\nCall-ID: x\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"

// TestVerdicts changes one thing in a good request. What the statuses come to on the
// wire, and the rest of RFC 4475, is tested in package ua.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name, old, with string
		status          int // 0: good; -1: it vanishes
	}{
		{"nothing", "", "", 0},
		{"unterminated quote", "From: <", `From: "a <`, 400},
		{"Content-Length too large", "Length: 0", "Length: 1", 400},
		{"another version", "test SIP/2.0", "test SIP/7.0", 505},
		{"no SIP", "test SIP/2.0", "test HTTP/1.1", -1},
		{"unknown scheme", "OPTIONS sip:", "OPTIONS isbn:", 416},
		{"lower-case method", "OPTIONS sip", "options sip", 501},
		{"methods that differ", "1 OPTIONS", "1 INVITE", 400},
		{"CSeq of 32 bits", "CSeq: 1 ", "CSeq: 4294967296 ", 400},
		{"Max-Forwards of none", "Forwards: 70", "Forwards: many", 400},
		{"Refer-To without a scheme", "CSeq", "Refer-To: <102>\nCSeq", 400},
		{"Refer-To", "CSeq", "Refer-To: <sip:102@office.test?Replaces=a%3Bto-tag%3Db>\nCSeq", 0},
		{"compact Refer-To of two", "CSeq", "r: <sip:102@h>, nobody\nCSeq", 400},
		{"a response of status 700", "OPTIONS sip:user@office.test SIP/2.0", "SIP/2.0 700 Odd", -1},
		{"too long", "CSeq", "Subject: " + strings.Repeat("x", MaxHeader) + "\nCSeq", 513},
	} {
		msg := []byte(strings.ReplaceAll(strings.Replace(good, c.old, c.with, 1), "\n", "\r\n"))
		f := Check(msg, true)
		want := Fault{Status: max(c.status, 0)}
		if f.Status != want.Status || (c.status == 0) != (f == Fault{}) {
			t.Errorf("%s: %+v", c.name, f)
		}
		answer := Refusal(msg, f)
		if (c.status > 0) != bytes.HasPrefix(answer, []byte("SIP/2.0 ")) {
			t.Errorf("%s: answered %q", c.name, answer)
		}
	}
}

func TestContentLength(t *testing.T) {
	for header, want := range map[string]int{
		"a\r\nContent-Length: 17\r\n\r\n": 17, "a\r\nl: 0\r\n\r\n": 0, "a\r\n\r\n": -1, "a\r\nl: 1\r\nl: 1\r\n\r\n": -1, "a\r\nl: -1\r\n\r\n": -1,
	} {
		n, f := ContentLength([]byte(header))
		if f == (Fault{}) != (want >= 0) || want > 0 && n != want {
			t.Errorf("%q: %d, %+v", header, n, f)
		}
	}
}

// FuzzCheck proves that no message makes the guard panic, and that what it refuses
// is answered with well-formed text or not at all.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(good, "\n", "\r\n")), true)
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n folded\r\n\r\n"), false)
	f.Fuzz(func(t *testing.T, b []byte, stream bool) {
		out := Refusal(b, Check(b, stream))
		if out != nil && (!bytes.HasPrefix(out, []byte("SIP/2.0 ")) || !bytes.HasSuffix(out, []byte("\r\nContent-Length: 0\r\n\r\n"))) {
			t.Errorf("refused with %q", out)
		}
	})
}

// TestFoldedLinesAreBounded folds one header field: every line copies the field so
// far, and 6,000 in one datagram took 80 ms.
func TestFoldedLinesAreBounded(t *testing.T) {
	head := "OPTIONS sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:x@h>\r\n" +
		"Call-ID: a\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nSubject: a"
	for folds, want := range map[int]int{maxFields: 0, maxFields + 1: 400, 5000: 400} {
		msg := []byte(head + strings.Repeat("\r\n b", folds) + "\r\nContent-Length: 0\r\n\r\n")
		if f := Check(msg, false); f.Status != want {
			t.Errorf("%d folded lines: %v", folds, f)
		}
		allocs := testing.AllocsPerRun(3, func() { Check(msg, false) })
		if allocs > 4*maxFields {
			t.Errorf("%d folded lines: %.0f allocations", folds, allocs)
		}
	}
}
