// Package sipguard judges SIP messages as they come from the network, before
// anything else reads them: whether a parser and a handler may see a message, and
// with which status it is refused where not (RFC 3261 §7, §8.2 and the cases of
// RFC 4475). It is pure: bytes in, a verdict out. Package ua asks it about every
// message.
package sipguard

import "bytes"

// ContentLength returns the body length that a header section announces, which
// must do so exactly once: without it there are no boundaries in a stream.
func ContentLength(header []byte) (int, Fault) {
	var buf [48]field
	m, f := cut(header, buf[:])
	if f.Status == 0 && f != (Fault{}) {
		return 0, bad("Malformed Message")
	}
	length, count := 0, 0
	for _, h := range m.fields {
		if h.kind == contentLengthField {
			n, ok := number(h.value)
			if !ok || n > MaxMessage {
				return 0, bad("Malformed Content-Length")
			}
			length = int(n)
			count++
		}
	}
	if count != 1 {
		return 0, bad("Content-Length Missing or Repeated")
	}
	return length, Fault{}
}

// IsStatusLine reports whether line begins a response.
func IsStatusLine(line []byte) bool {
	return len(line) >= 4 && bytes.EqualFold(line[:4], []byte("SIP/"))
}
